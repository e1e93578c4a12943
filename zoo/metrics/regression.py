"""Regression metrics, of predictions and targets (B, T) in the targets' own units."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.regression import MeanAbsoluteError, MeanSquaredError
from torchmetrics.utilities.data import dim_zero_cat

from zoo.metrics.problems import fits

MultiOutput = Literal["uniform_average", "variance_weighted"]


@fits("regression")
def mae() -> Metric:
    """Mean of |ŷ - y| over examples and targets, in the targets' units."""
    return MeanAbsoluteError().set_dtype(_wide_type())


@fits("regression")
def mse() -> Metric:
    """Mean of (ŷ - y)² over examples and targets, in the targets' units squared."""
    return MeanSquaredError().set_dtype(_wide_type())


@fits("regression")
def rmse() -> Metric:
    """Square root of the mean of (ŷ - y)² over all examples and targets, in the targets' units."""
    return MeanSquaredError(squared=False).set_dtype(_wide_type())


@fits("regression")
def r2(multioutput: MultiOutput = "uniform_average") -> Metric:
    """Share of the variance explained, 1 - Σ (y - ŷ)² / Σ (y - ȳ)²; NaN for fewer than two examples.

    Args:
        multioutput: mean over the targets, or weighted by their variance.
    """
    return R2(multioutput)


@fits("regression")
def explained_variance(multioutput: MultiOutput = "uniform_average") -> Metric:
    """1 - Var(y - ŷ) / Var(y): as R², but a constant error costs nothing; NaN for fewer than two examples.

    Args:
        multioutput: mean over the targets, or weighted by their variance.
    """
    return ExplainedVariance(multioutput)


class VarianceShare(Metric):
    """Sums of errors and targets, from which R² and explained variance follow, in any unit and over any processes.

    torchmetrics' add up in float32, where Σ y² - n ȳ² loses every digit when the targets' mean is large against their
    spread (years, say), call a fit perfect when its squared errors add up to less than 1e-4 (thousandths, say), and
    cannot be exchanged with a process that has seen no example. As scikit-learn's, a target that never changes has 1
    when it is met and 0 when not.

    Args:
        multioutput: mean over the targets, or weighted by their variance.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    plot_upper_bound = 1.0

    sums: list[Tensor]
    batches: Tensor

    def __init__(self, multioutput: MultiOutput = "uniform_average") -> None:
        super().__init__()
        self.multioutput = multioutput
        # Flat, as torchmetrics makes the state of a process that has seen no example.
        self.add_state("sums", default=[], dist_reduce_fx="cat")
        self.add_state("batches", default=torch.tensor(0), dist_reduce_fx="sum")
        self.set_dtype(_wide_type())

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds a batch of predictions (B, T) for targets (B, T).

        Raises:
            ValueError: the shapes differ.
        """
        if preds.shape != target.shape:
            raise ValueError(f"predictions {tuple(preds.shape)} do not go with targets {tuple(target.shape)}")
        target = _wide(target)
        error = target - _wide(preds)
        rows = torch.stack([torch.ones_like(error), error, error.square(), target, target.square()]).sum(1)
        self.sums.append(rows.flatten())
        self.batches += 1

    def compute(self) -> Tensor:
        """The share, () float64; NaN for fewer than two examples."""
        if self.batches == 0:
            return torch.full((), torch.nan, dtype=self.dtype, device=self.device)
        sums = dim_zero_cat(self.sums).reshape(int(self.batches), 5, -1).sum(0)
        count, error, squared_error, target, squared_target = sums
        if bool((count < 2).any()):
            return sums.new_full((), torch.nan)
        residual = self.residual(count, error, squared_error)
        return _one_minus(residual, _variation(count, target, squared_target), self.multioutput)

    def residual(self, count: Tensor, error: Tensor, squared_error: Tensor) -> Tensor:
        """What is left of the variation, (T,), from n, Σ e and Σ e² of the errors, (T,) each."""
        raise TypeError(f"{type(self).__name__} does not say what is left")

    def plot(self, val: Any = None, ax: Any = None) -> tuple[Any, Any]:
        """Draws values of `compute` or `forward`, one or several in their order, or the value now: figure and axes."""
        return self._plot(val, ax)


class R2(VarianceShare):
    """Share of the variance explained, where a constant error is an error."""

    def residual(self, count: Tensor, error: Tensor, squared_error: Tensor) -> Tensor:
        """Σ e², (T,)."""
        return squared_error


class ExplainedVariance(VarianceShare):
    """Share of the variance explained, where a constant error is none."""

    def residual(self, count: Tensor, error: Tensor, squared_error: Tensor) -> Tensor:
        """Σ (e - ē)², (T,)."""
        return _variation(count, error, squared_error)


def _wide_type() -> torch.dtype:
    """What sums are kept in. In float32 those of many batches lose digits, but Apple's machines need it."""
    return torch.float32 if torch.backends.mps.is_available() else torch.float64


def _wide(values: Tensor) -> Tensor:
    """Values in float64, but on Apple's graphics processors, which have no such type."""
    return values if values.device.type == "mps" else values.double()


def _variation(count: Tensor, total: Tensor, squares: Tensor) -> Tensor:
    """Σ (x - x̄)² from n, Σ x and Σ x², each (T,); zero where nothing but rounding is left of it."""
    variation = squares - total.square() / count
    return variation.where(variation > 100 * torch.finfo(squares.dtype).eps * squares, 0)


def _one_minus(residual: Tensor, variation: Tensor, multioutput: str) -> Tensor:
    """1 - residual / variation of each target, averaged, (); of a constant target 1 where there is no residual, else 0.

    Args:
        residual: sum of squares that is left, (T,).
        variation: sum of squares of the targets around their mean, (T,).
        multioutput: `uniform_average`, or `variance_weighted`.
    """
    varies = variation > 0
    met = (residual == 0).to(residual.dtype)
    scores = torch.where(varies, 1 - residual / variation.where(varies, 1), met)
    if multioutput == "variance_weighted" and bool(varies.any()):
        return (scores * variation).sum() / variation.sum()
    return scores.mean()
