"""Means of a model's weights over training, which are evaluated and kept: EMA and SWA.

Both hold every parameter and every floating-point buffer, in float32 at least, and copy integer buffers. What stays
the same all the time is the same in the mean, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, cast

import torch
from annotated_types import Ge, Interval
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.seed import isolate_rng
from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.finetuning.freezing import has_statistics


class Mean:
    """A mean of a model's tensors, by their names."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def follow(self, model: nn.Module, share: float) -> None:
        """Move the mean by a share of the way to the model's tensors; the first time, all the way."""
        with torch.no_grad():
            for name, tensor in _tensors(model).items():
                mean = self.tensors.get(name)
                if mean is None or not tensor.is_floating_point():
                    self.tensors[name] = _wide(tensor).clone()
                else:
                    self.tensors[name] = mean.to(tensor.device).lerp_(_wide(tensor), share)

    def put(self, model: nn.Module) -> None:
        """Write the mean into the model."""
        with torch.no_grad():
            for name, tensor in _tensors(model).items():
                tensor.copy_(self.tensors[name])

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors."""
        return {name: one.cpu() for name, one in self.tensors.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict()`."""
        self.tensors = dict(state)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _wide(tensor: Tensor) -> Tensor:
    """Detached; half precision as float32, in which a small share of a difference is not lost."""
    half = tensor.dtype in (torch.float16, torch.bfloat16)
    return tensor.detach().float() if half else tensor.detach()


class EMA(Callback):
    """An exponential moving average of the weights: m ← d m + (1 - d) w after each step.

    Validation evaluates m, and the best checkpoint holds it; training goes on with w. With `warmup`, d is
    min(decay, (1 + t) / (10 + t)) at step t = 1, 2 ..., so that the first random weights are soon forgotten.

    Args:
        decay: d.
        warmup: start with a smaller one.
    """

    #: Without validation nothing would ever evaluate or keep the mean.
    needs_validation = True

    def __init__(self, decay: Annotated[float, Interval(ge=0, lt=1)] = 0.999, warmup: bool = True) -> None:
        self.decay, self.warmup = decay, warmup
        self.mean = Mean()
        self.steps = 0
        self._trained: dict[str, Tensor] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Lightning's hook: listen to what the task tells optimizers."""
        self.model = cast(nn.Module, pl_module.model)
        listeners: list[Any] = pl_module.listeners  # type: ignore[assignment]
        if stage == "fit" and self not in listeners:
            listeners.append(self)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook: the mean starts as the weights."""
        if not self.mean.tensors:
            self.mean.follow(self.model, 1.0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Lightning's hook: follow the weights, if there was a step."""
        if trainer.global_step == self.steps:
            return
        self.steps = trainer.global_step
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.warmup else self.decay
        self.mean.follow(self.model, 1 - decay)

    def eval(self) -> None:
        """Put the mean there, which is evaluated."""
        if self.mean.tensors and self._trained is None:
            self._trained = {name: one.detach().clone() for name, one in _tensors(self.model).items()}
            self.mean.put(self.model)

    def train(self) -> None:
        """Put the weights there that are trained."""
        if self._trained is not None:
            with torch.no_grad():
                for name, tensor in _tensors(self.model).items():
                    tensor.copy_(self._trained[name])
            self._trained = None

    def state_dict(self) -> dict[str, Any]:
        """Lightning stores this in the checkpoint."""
        return {"steps": self.steps, "mean": self.mean.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.steps = int(state_dict["steps"])
        self.mean.load_state_dict(state_dict["mean"])


class SWA(Callback):
    """Stochastic weight averaging: the mean of the weights after each of the last epochs; Izmailov et al. (2018).

    The paper keeps the learning rate high or cyclic meanwhile: see the schedules. When training is over, statistics
    of batch normalisation are computed anew for the mean, over the training data (algorithm 1), with everything else
    in evaluation and those of frozen stages left alone. If validation then finds it better, it becomes the best
    checkpoint.

    Args:
        start: the first epoch that counts, from 0; or a share of the run's epochs.
        every: epochs between two that count.
    """

    needs_validation = True

    def __init__(
        self,
        start: Annotated[int, Ge(0)] | Annotated[float, Interval(gt=0, lt=1)] = 0.75,
        every: Annotated[int, Ge(1)] = 1,
    ) -> None:
        self.start, self.every = start, every
        self.mean = Mean()
        self.count = 0
        #: Set while validation is to look at the mean.
        self.finishing = False

    @property
    def of(self) -> str:
        """What the mean is of, for people."""
        return f"the weights after {self.count} epochs"

    def first(self, trainer: Trainer) -> int:
        """The first epoch that counts.

        Raises:
            ConfigError: a share of a run without end.
        """
        if isinstance(self.start, int):
            return self.start
        if not trainer.max_epochs or trainer.max_epochs < 0:
            problem = f"{self.start} is a share of the epochs, and the run has no limit of them"
            raise ConfigError("callback.swa.start", problem, "give an epoch, or set trainer.max_epochs")
        return math.ceil(self.start * trainer.max_epochs)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook: complain before training, not after it."""
        self.first(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook: count the epoch, unless a limit has cut it short."""
        done = trainer.fit_loop.epoch_loop.batch_progress.current.completed
        late = trainer.current_epoch - self.first(trainer)
        if done >= trainer.num_training_batches and late >= 0 and late % self.every == 0:
            self.count += 1
            self.mean.follow(cast(nn.Module, pl_module.model), 1 / self.count)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning's hook: put the mean there, if this validation is to look at it."""
        if self.finishing and trainer.state.fn == TrainerFn.VALIDATING:
            model = cast(nn.Module, pl_module.model)
            self.mean.put(model)
            with isolate_rng():
                seed_everything(0, verbose=False)
                compute_statistics(model, trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """Lightning stores this in the checkpoint."""
        return {"count": self.count, "mean": self.mean.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.count = int(state_dict["count"])
        self.mean.load_state_dict(state_dict["mean"])


@torch.no_grad()
def compute_statistics(model: nn.Module, trainer: Trainer, task: Any) -> None:
    """Means over the training batches of what batch normalisation sees, for weights that were never trained on.

    Args:
        model: all of it in evaluation, before and after.
        trainer: knows the training data; a mean over ranks where there are several.
        task: computes predictions.
    """
    model.train()
    normalising: list[Any] = [one for one in model.modules() if has_statistics(one) and one.training]
    model.eval()
    kept = {one: one.momentum for one in normalising}
    for one in normalising:
        one.reset_running_stats()
        one.momentum, one.training = None, True  # None: a plain mean
    loader = trainer.datamodule.train_dataloader()  # type: ignore[attr-defined]
    loader.batch_sampler.start_at(0, 0)
    if normalising:
        with trainer.precision_plugin.val_step_context():
            for batch in loader:
                task.predict_from(trainer.strategy.batch_to_device(batch)[0])
    for one in normalising:
        one.momentum, one.training = kept[one], False
        for tensor in (one.running_mean, one.running_var):
            tensor.copy_(trainer.strategy.reduce(tensor, reduce_op="mean"))
