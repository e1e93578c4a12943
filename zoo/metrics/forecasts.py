"""Errors of forecasts in units of what is forecast, or of what a naive forecast errs.

All take predictions and targets (B, T) in the targets' own units. A target that is NaN was not observed, and does not
count. They add up in float64; torchmetrics' divide by no less than 1e-6, which is wrong for targets as small as that.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor
from torchmetrics import Metric

from zoo.metrics.problems import fits
from zoo.metrics.ratio import Ratio


@fits("regression")
def mape(percent: bool = False) -> Metric:
    """Mean absolute percentage error: mean of |y - ŷ| / |y| over examples and targets, from 0.

    As scikit-learn's a share, of 0.2 for 20 per cent. Targets of zero, of which no error is a share, are left out
    (scikit-learn divides by 2e-16 there). NaN where no target is left.

    Args:
        percent: 20 for 20 per cent.

    Example:
        >>> metric = mape()
        >>> metric.update(torch.tensor([[1.0], [5.0], [1.0]]), torch.tensor([[2.0], [4.0], [0.0]]))
        >>> metric.compute().item()
        0.375
    """
    return MeanShare(100.0 if percent else 1.0)


@fits("regression")
def smape(percent: bool = True) -> Metric:
    """Symmetric mean absolute percentage error: mean of 200 |y - ŷ| / (|y| + |ŷ|), in per cent from 0 to 200.

    Makridakis (1993), as the M4 competition counts it (Makridakis, Spiliotis & Assimakopoulos, 2020); 0 / 0 is 0.
    NaN where no target was observed.

    Args:
        percent: a share from 0 to 2 where off, as torchmetrics'.

    Example:
        >>> metric = smape()
        >>> metric.update(torch.tensor([[1.0], [5.0], [0.0]]), torch.tensor([[3.0], [5.0], [0.0]]))
        >>> round(metric.compute().item(), 4)  # (100 + 0 + 0) / 3
        33.3333
    """
    return SymmetricMeanShare(200.0 if percent else 2.0)


@fits("regression")
def mase(scale: Annotated[float, Gt(0)] | None = None) -> Metric:
    """Mean absolute scaled error: mean of |y - ŷ| / s; Hyndman & Koehler (2006), section 3.

    s is the mean absolute error of the naive forecast within the series, or of the seasonal one, on the part that is
    known when forecasting: below 1 is better than that. Data of many series give it beside each value: targets
    (B, T, 2), of values and scales. Values whose scale is zero, of a series that never changed, or NaN are left out.
    NaN where none is left.

    Args:
        scale: s, of all targets, where none stands beside them.

    Example:
        >>> metric = mase(scale=2.0)
        >>> metric.update(torch.tensor([[1.0, 5.0]]), torch.tensor([[2.0, 8.0]]))
        >>> metric.compute().item()
        1.0
    """
    return MeanScaledError(scale)


class MeanShare(Ratio):
    """Mean of |y - ŷ| / |y|, times a number.

    Args:
        times: the number.
    """

    higher_is_better = False
    plot_lower_bound = 0.0

    def __init__(self, times: float = 1.0) -> None:
        super().__init__()
        self.times = times

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds predictions (B, T) of targets (B, T)."""
        preds, target = _same(preds, target)
        counts = ~target.isnan() & (target != 0)
        self.total += self.times * ((preds - target).abs() / target.abs())[counts].sum()
        self.count += counts.sum()


class SymmetricMeanShare(MeanShare):
    """Mean of |y - ŷ| / (|y| + |ŷ|), times a number."""

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds predictions (B, T) of targets (B, T)."""
        preds, target = _same(preds, target)
        counts = ~target.isnan()
        error, size = (preds - target).abs()[counts], (preds.abs() + target.abs())[counts]
        self.total += self.times * (error / size.where(size != 0, 1.0)).sum()
        self.count += counts.sum()


class MeanScaledError(Ratio):
    """Mean of |y - ŷ| / s.

    Args:
        scale: s, where it does not stand beside each target.
    """

    higher_is_better = False
    plot_lower_bound = 0.0
    #: It is for targets with a scale beside each, (B, T, 2), where the data have them.
    reads_scale = True

    def __init__(self, scale: float | None = None) -> None:
        super().__init__()
        self.scale = scale

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds predictions (B, T) of values and their scales (B, T, 2), or of values (B, T) with the option `scale`.

        Raises:
            ValueError: there is no scale, or there are two.
        """
        if target.ndim == 3:
            if self.scale is not None:
                raise ValueError(f"scale: {self.scale:g} was given, and each target has its own; leave it out")
            target, scale = target.double().unbind(-1)
        elif self.scale is None:
            raise ValueError("scale: none stands beside the targets; give the error of the naive forecast within them")
        else:
            scale = torch.full_like(target, self.scale, dtype=torch.float64)
        preds, target = _same(preds, target)
        counts = ~target.isnan() & (scale > 0)
        self.total += ((preds - target).abs() / scale)[counts].sum()
        self.count += counts.sum()


def _same(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64.

    Raises:
        ValueError: their shapes differ.
    """
    if preds.shape != target.shape:
        raise ValueError(f"predictions {tuple(preds.shape)} do not go with targets {tuple(target.shape)}")
    return preds.double(), target.double()
