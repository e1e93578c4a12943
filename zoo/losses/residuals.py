"""Losses of the error e = ŷ - y."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Lt
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.shapes import check_same_shape


class Residual(nn.Module):
    """A mean over examples and targets of something of the error, in the units of the targets the loss sees.

    The task for regression standardises targets, unless `task.scale_target=false`.
    """

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"

    def of_error(self, error: Tensor) -> Tensor:
        """The loss, (), of errors ŷ - y, (B, T)."""
        raise TypeError("a loss of residuals says what it makes of them")

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss of predictions (B, T) for values (B, T), ().

        Raises:
            ValueError: the shapes differ.
        """
        check_same_shape(prediction, target)
        return self.of_error(prediction - target)


class Absolute(Residual):
    """|e|, a mean over examples and targets; its best constant is the median (Laplace 1774)."""

    def __init__(self) -> None:
        super().__init__()

    def of_error(self, error: Tensor) -> Tensor:
        """Mean |e|, (), of errors (B, T)."""
        return error.abs().mean()


class Squared(Residual):
    """e², a mean over examples and targets, or half of it; its best constant is the mean (Legendre 1805).

    Args:
        half: ½ e², whose gradient is the error itself, and which lasso and elastic net are usually written with.
    """

    def __init__(self, half: bool = False) -> None:
        super().__init__()
        self.factor = 0.5 if half else 1.0

    def of_error(self, error: Tensor) -> Tensor:
        """Mean e² or ½ e², (), of errors (B, T)."""
        return self.factor * error.square().mean()


class RMSE(Residual):
    """√(mean e²) over the examples and targets of a batch, in the units of the targets.

    A root of a mean is no mean: over several batches `power` tells how to average it exactly. The gradient is that of
    the squared error divided by the loss, so that steps do not shrink with the error; at zero error it is zero.
    """

    #: The mean over batches is that of the squares, and its root: (Σ n v² / Σ n)^½ is the RMSE over all.
    power: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__()

    def of_error(self, error: Tensor) -> Tensor:
        """√(mean e²), (), of errors (B, T)."""
        norm: Tensor = torch.linalg.vector_norm(error)
        return norm / math.sqrt(error.numel())


class LogCosh(Residual):
    """log cosh e: e² / 2 for small errors, |e| - log 2 for large; a mean (Saleh & Saleh 2022).

    Its gradient is tanh e, smooth everywhere. It keeps its digits for errors of any size.
    """

    def __init__(self) -> None:
        super().__init__()

    def of_error(self, error: Tensor) -> Tensor:
        """Mean log cosh e, (), of errors (B, T)."""
        size = error.abs()
        # cosh e = 1 + 2 sinh²(e / 2): no digits are lost around 1, and none to overflow in the part not taken.
        near = torch.log1p(2 * (error.clamp(-1, 1) / 2).sinh().square())
        far = size + functional.softplus(-2 * size) - math.log(2)
        return torch.where(size < 1, near, far).mean()


class Quantile(Residual):
    """The check loss of Koenker & Bassett (1978): q (y - ŷ) where ŷ is too low, (1 - q) (ŷ - y) where it is too high.

    A mean over examples and targets, also known as pinball loss; its best constant is the q-quantile. With q = ½ it is
    half the absolute error.

    Args:
        quantile: q, of each target given the inputs.
    """

    def __init__(self, quantile: Annotated[float, Gt(0), Lt(1)] = 0.5) -> None:
        super().__init__()
        self.quantile = quantile

    def of_error(self, error: Tensor) -> Tensor:
        """Mean loss, (), of errors (B, T)."""
        return torch.maximum(-self.quantile * error, (1 - self.quantile) * error).mean()
