"""The focal loss of Lin et al. (2017)."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Interval, MinLen
from torch import Tensor, nn

Weight = Annotated[float, Ge(0)]
Share = Annotated[float, Interval(ge=0, le=1)]


def log_probabilities(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """log p_t and log(1 - p_t), where p_t is the probability of the target class under softmax(logits).

    The second is the share of all the other classes, summed as logarithms: 1 - p_t itself rounds to zero for
    a confident prediction, and the derivative of its power is infinite there.

    Args:
        logits: (B, C).
        target: classes, (B,), int64.

    Returns:
        Both (B,).
    """
    total = logits.logsumexp(dim=1)
    index = target.unsqueeze(1)
    of_target = logits.gather(1, index).squeeze(1)
    of_others = logits.scatter(1, index, float("-inf")).logsumexp(dim=1)
    return of_target - total, of_others - total


class Focal(nn.Module):
    """-α_t (1 - p_t)^γ log p_t, a mean over the examples: Lin et al. (2017), "Focal Loss", equations 4 and 5.

    p_t is the probability of the target class under the softmax of one logit a class. With two classes this is
    the paper's sigmoid, of the difference of the two logits. With γ = 0 and no α it is cross-entropy.

    Args:
        num_classes: number of classes C, to check α against.
        gamma: γ, how much an easy example is played down; 2 is the paper's choice (section 5.1).
        alpha: α of class 1, class 0 getting 1 - α, for two classes; or a list of weights, one a class.

    Raises:
        ValueError: there is not one α a class, or one number for more than two classes.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    target: ClassVar[str] = "class"

    def __init__(
        self,
        num_classes: int | None = None,
        gamma: Annotated[float, Ge(0)] = 2.0,
        alpha: Share | Annotated[list[Weight], MinLen(2)] | None = None,
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.alpha: Tensor | None
        if alpha is None:
            self.register_buffer("alpha", None)
            return
        if isinstance(alpha, float | int):
            if num_classes not in (None, 2):
                raise ValueError(f"alpha: one number is for two classes, there are {num_classes}; give a list")
            alpha = [1 - alpha, alpha]
        elif num_classes not in (None, len(alpha)):
            raise ValueError(f"alpha: {len(alpha)} weights for {num_classes} classes; give one a class")
        # Comes from the configuration, so it is not the checkpoint's to restore.
        self.register_buffer("alpha", torch.tensor(alpha, dtype=torch.float32), persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, ().

        Args:
            prediction: logits, (B, C) with C at least 2; computed in float32 where they are of half precision.
            target: classes, (B,), int64.

        Raises:
            ValueError: there is a single logit.
        """
        if prediction.shape[1] < 2:
            raise ValueError("the focal loss needs one logit a class, got a single one")
        log_p, log_rest = log_probabilities(prediction.to(torch.promote_types(prediction.dtype, torch.float32)), target)
        losses = -(self.gamma * log_rest).exp() * log_p
        if self.alpha is not None:
            losses = self.alpha[target] * losses
        return losses.mean()
