"""The share of wrong decisions."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from zoo.losses.shapes import check_same_shape


class ZeroOne(nn.Module):
    """1 where the decision is wrong, 0 where it is right; a mean over the examples: 1 - accuracy.

    A class is decided by the largest score, a single label by the sign of its score, and several labels are wrong when
    one of them is (Hastie, Tibshirani & Friedman 2009, section 2.4). For reporting: it is flat almost everywhere, so
    that its gradient is zero wherever there is one.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "multilabel")
    #: Why no run can be trained with it, and what to do.
    untrainable: ClassVar[tuple[str, str]] = (
        "counts errors, so its gradient is zero",
        "train with a surrogate (cross_entropy, bce, hinge, exponential), and report it as metric=accuracy",
    )

    def __init__(self) -> None:
        super().__init__()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Share of examples decided wrongly, (), float32, without a gradient.

        Args:
            prediction: scores, (B, C) of classes, or (B, K) of labels.
            target: classes, (B,), int64; or 0 and 1, (B, K), float.

        Raises:
            ValueError: targets are labels, and the shapes differ.
        """
        if target.is_floating_point():
            check_same_shape(prediction, target)
            return ((prediction > 0) != (target > 0.5)).any(dim=1).float().mean()
        return (prediction.argmax(dim=1) != target).float().mean()
