"""Losses of the margin y f(x) of two classes, y = -1 or +1."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from torch import Tensor, nn

from zoo.losses.shapes import check_same_shape, single


class Margin(nn.Module):
    """A mean over examples and labels of something of y f: positive where the side is right, far where it is surely so.

    Targets are 0 and 1, and become y = -1 and +1 here. The scores f are no logits: the probabilities a task reports
    with them decide rightly at one half, and say little else.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multilabel")
    target: ClassVar[str] = "indicator"

    def of_margin(self, margin: Tensor) -> Tensor:
        """The losses of margins y f, (B, K) both."""
        raise TypeError("a loss of margins says what it makes of them")

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: scores f, (B, K).
            target: 0 or 1, (B, K), float.

        Raises:
            ValueError: the shapes differ.
        """
        check_same_shape(prediction, target)
        return self.of_margin((2 * single(target) - 1) * single(prediction)).mean()


class Hinge(Margin):
    """max(0, m - y f), of support-vector machines: Cortes & Vapnik (1995).

    Args:
        margin: m, from which on an example costs nothing.
    """

    def __init__(self, margin: Annotated[float, Gt(0)] = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def of_margin(self, margin: Tensor) -> Tensor:
        """max(0, m - y f) of margins y f, (B, K)."""
        return (self.margin - margin).relu()


class SquaredHinge(Hinge):
    """max(0, m - y f)², smooth where the hinge has its corner: the L2-SVM (Cortes & Vapnik 1995, with their σ = 2).

    Args:
        margin: m, from which on an example costs nothing.
    """

    def of_margin(self, margin: Tensor) -> Tensor:
        """max(0, m - y f)² of margins y f, (B, K)."""
        return super().of_margin(margin).square()


class Exponential(Margin):
    """exp(-y f), which AdaBoost minimises: Freund & Schapire (1997); Friedman, Hastie & Tibshirani (2000), section 4.

    Its best score is half the log odds. It grows without bound with a single wrong example, and overflows in float32
    where y f < -88: labels without errors, features of similar scale and a small learning rate are its home.
    """

    def __init__(self) -> None:
        super().__init__()

    def of_margin(self, margin: Tensor) -> Tensor:
        """exp(-y f) of margins y f, (B, K)."""
        return (-margin).exp()
