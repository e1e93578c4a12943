"""The gradient of the mean loss over a whole epoch, from its batches."""

from __future__ import annotations

import torch
from pytorch_lightning import Trainer
from torch import Tensor, nn

from zoo.errors import ConfigError

#: What Lightning divides every loss by; a power of two, so that multiplying by it again loses no digit. It is more than
#: an epoch has batches: the step is made with the last of them.
BATCHES = 2**30


class FullBatch:
    """Weighs each batch by its examples, and divides the sum of gradients by all of them before the step.

    Σ n_b ∇L_b / Σ n_b is the gradient of the mean over all examples, whatever the size of the last batch. What is added
    to the loss of every batch, such as a penalty, counts once.
    """

    def __init__(self) -> None:
        self._newest: Tensor = torch.zeros(())
        self._total: Tensor | None = None

    def add(self, count: Tensor | int) -> None:
        """A batch of so many examples, or of what the loss divides by; of each term of a sum.

        Raises:
            ConfigError: the terms of a sum do not divide by the same.
        """
        counts = torch.as_tensor(count, dtype=torch.float64)
        if counts.dim() and not bool((counts == counts[0]).all()):
            problem = "its terms weigh examples differently, so that gradients of batches do not add up"
            raise ConfigError("loss", problem, "use one loss with optimizer=bgd, or one batch: data.batch_size")
        self._newest = counts.flatten()[0]
        self._total = self._newest if self._total is None else self._total + self._newest

    def weighted(self, loss: Tensor) -> Tensor:
        """The loss of the batch that was added, (), as it is to be differentiated."""
        return loss * (self._newest.to(loss) * BATCHES)

    def finish(self, model: nn.Module, trainer: Trainer) -> None:
        """Before the step: gradients that were added up, or averaged over ranks, become those of the mean."""
        if self._total is None:
            return
        total = trainer.strategy.reduce(self._total.to(trainer.strategy.root_device), reduce_op="sum")
        factor = trainer.world_size / torch.as_tensor(total).clamp(min=1e-12)
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(factor.to(parameter.grad))
        self._total = None
