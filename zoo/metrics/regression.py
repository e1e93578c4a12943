"""Regression metrics, of predictions and targets (B, T) in the targets' own units."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torchmetrics import Metric, R2Score
from torchmetrics.regression import MeanAbsoluteError, MeanSquaredError

from zoo.metrics.problems import fits


@fits("regression")
def mae() -> Metric:
    """Mean of |ŷ - y| over examples and targets, in the targets' units."""
    return MeanAbsoluteError()


@fits("regression")
def mse() -> Metric:
    """Mean of (ŷ - y)² over examples and targets, in the targets' units squared."""
    return MeanSquaredError()


@fits("regression")
def rmse() -> Metric:
    """Square root of the mean of (ŷ - y)² over all examples and targets, in the targets' units."""
    return MeanSquaredError(squared=False)


@fits("regression")
def r2(multioutput: Literal["uniform_average", "variance_weighted"] = "uniform_average") -> Metric:
    """Share of the variance explained, 1 - Σ (y - ŷ)² / Σ (y - ȳ)²; NaN for fewer than two examples.

    Args:
        multioutput: mean over the targets, or weighted by their variance.
    """
    return R2(multioutput=multioutput)


class R2(R2Score):
    """torchmetrics' R², with sums and a rule for constant targets that fit targets of any unit.

    Σ y² - n ȳ² loses every digit in float32 when the targets' mean is large against their spread (years, say),
    and torchmetrics calls a fit perfect when its squared errors add up to less than 1e-4 (thousandths, say).
    As scikit-learn's, a target that never changes has 1 when it is met and 0 when not.
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds a batch of predictions (B, T) for targets (B, T)."""
        if preds.device.type != "mps":  # which has no float64
            preds, target = preds.double(), target.double()
        super().update(preds, target)

    def compute(self) -> Tensor:
        """R², ()."""
        if self.total < 2:
            return self.residual.new_full((), torch.nan)
        squares: Tensor = self.sum_squared_error
        variation: Tensor = squares - self.sum_error.square() / self.total
        varies = variation > 100 * torch.finfo(squares.dtype).eps * squares
        met = (self.residual == 0).to(squares.dtype)
        scores = torch.where(varies, 1 - self.residual / variation.where(varies, 1), met)
        if self.multioutput == "variance_weighted" and bool(varies.any()):
            weights = variation.where(varies, 0)
            return (scores * weights).sum() / weights.sum()
        return scores.mean()
