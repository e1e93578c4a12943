"""The focal loss."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Interval, MinLen
from torch import Tensor, nn

from zoo.losses.log_probabilities import true_and_rest, true_and_rest_of_labels
from zoo.losses.shapes import check_one_logit_a_class, check_same_shape, single


class Focal(nn.Module):
    """-α (1 - p)^γ log p, p the probability of what is true; a mean. Lin et al. (2017), equations 4 and 5.

    Over classes, p is of the softmax of one logit a class: with two classes, the paper's sigmoid of their
    difference. Over labels, each has its sigmoid, and the mean is over examples and labels. With γ = 0 and no α it
    is cross-entropy. α does not divide the mean, as in the paper.

    Args:
        num_classes: number of classes C, to check α against.
        gamma: γ, how much an easy example is played down; 2 is the paper's choice (section 5.1).
        alpha: α of class 1, class 0 getting 1 - α, for two classes, or of labels that are present, absent ones
            getting 1 - α; or a list, one a class.

    Raises:
        ValueError: there is not one α a class, or one number for more than two classes.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel", "seq2seq")

    def __init__(
        self,
        num_classes: int | None = None,
        gamma: Annotated[float, Ge(0)] = 2.0,
        alpha: Annotated[float, Interval(ge=0, le=1)]
        | Annotated[list[Annotated[float, Ge(0)]], MinLen(2)]
        | None = None,
    ) -> None:
        super().__init__()
        self.gamma = gamma
        if isinstance(alpha, float | int):
            if num_classes not in (None, 2):
                raise ValueError(f"alpha: one number is for two classes, there are {num_classes}; give a list")
            alpha = [1 - alpha, alpha]
        elif alpha is not None and num_classes not in (None, len(alpha)):
            raise ValueError(f"alpha: {len(alpha)} weights for {num_classes} classes; give one a class")
        self.alpha: Tensor | None
        # Comes from the configuration, so it is not the checkpoint's to restore.
        weight = None if alpha is None else torch.tensor(alpha, dtype=torch.float32)
        self.register_buffer("alpha", weight, persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: logits, (B, C) of classes with C at least 2, or (B, K) of labels.
            target: classes, (B,), int64; or 0 and 1, (B, K), float.

        Raises:
            ValueError: there is a single logit for a class; the shapes of labels differ, or α is of classes.
        """
        logits = single(prediction)
        if target.is_floating_point():
            check_same_shape(prediction, target)
            log_p, log_rest = true_and_rest_of_labels(logits, target)
            if self.alpha is not None and len(self.alpha) > 2:
                raise ValueError("alpha: a list is for classes, and the targets are labels; give one number")
            which = target.long()
        else:
            check_one_logit_a_class(prediction)
            log_p, log_rest = true_and_rest(logits, target)
            which = target
        losses = -(self.gamma * log_rest).exp() * log_p
        if self.alpha is not None:
            losses = self.alpha[which] * losses
        return losses.mean()
