"""Losses between predicted and true values."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.shapes import check_same_shape


class MSE(nn.Module):
    """Squared error (ŷ - y)², a mean over examples and targets; its best constant is the mean (Legendre 1805)."""

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"

    def __init__(self) -> None:
        super().__init__()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss of predictions (B, T) for values (B, T), ().

        Raises:
            ValueError: the shapes differ.
        """
        check_same_shape(prediction, target)
        return functional.mse_loss(prediction, target)


class Huber(nn.Module):
    """Huber (1964): e² / 2 for errors |e| up to δ, δ (|e| - δ / 2) beyond; a mean over examples and targets.

    Args:
        delta: δ, in the units of the targets the loss sees: standard deviations, where the task standardises
            them.
    """

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"

    def __init__(self, delta: Annotated[float, Gt(0)] = 1.0) -> None:
        super().__init__()
        self.delta = delta

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss of predictions (B, T) for values (B, T), ().

        Raises:
            ValueError: the shapes differ.
        """
        check_same_shape(prediction, target)
        return functional.huber_loss(prediction, target, delta=self.delta)
