"""Absolute errors in per cent, as forecasts are judged by."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge
from torch import Tensor, nn

from zoo.losses.shapes import check_same_shape, mean_where


class MAPE(nn.Module):
    """100 |y - ŷ| / |y|, in per cent, a mean over the values that count (Hyndman & Koehler 2006, section 2.2).

    A target that is NaN was not observed, and does not count. Nor does a target of zero, of which no error is a
    percentage, unless there is a floor. A percentage is one of original units only.

    Args:
        floor: what |y| is at least taken for, in original units; every observed target counts with a positive one.
    """

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"
    #: It is fed values and targets in original units, not standardised ones.
    units: ClassVar[str] = "original"

    def __init__(self, floor: Annotated[float, Ge(0)] = 0.0) -> None:
        super().__init__()
        self.floor = floor

    def _counts(self, target: Tensor) -> Tensor:
        return ~target.isnan() if self.floor else ~target.isnan() & (target != 0)

    def count(self, target: Tensor) -> Tensor:
        """How many of the values (B, T) count, ()."""
        return self._counts(target).sum()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss of predictions (B, T) for values (B, T), (); zero if nothing counts.

        Raises:
            ValueError: the shapes differ.
        """
        check_same_shape(prediction, target)
        counts = self._counts(target)
        known = target.where(counts, 1)
        share = (prediction - known).abs() / known.abs().clamp(min=self.floor)
        return 100 * mean_where(share, counts)


class SMAPE(nn.Module):
    """200 |y - ŷ| / (|y| + |ŷ|), in per cent from 0 to 200, a mean over the values that count.

    Makridakis (1993), with absolute values in the denominator as the M4 competition counts it (Makridakis,
    Spiliotis & Assimakopoulos 2020, section 2.3); 0 / 0 is 0. A target that is NaN was not observed, and does not
    count. Where y and ŷ have different signs, or y is zero, the loss is 200 whatever ŷ is, and has no gradient: it is
    for positive values. A percentage is one of original units only.
    """

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"
    #: It is fed values and targets in original units, not standardised ones.
    units: ClassVar[str] = "original"

    def __init__(self) -> None:
        super().__init__()

    def count(self, target: Tensor) -> Tensor:
        """How many of the values (B, T) were observed, ()."""
        return (~target.isnan()).sum()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss of predictions (B, T) for values (B, T), (); zero if nothing counts.

        Raises:
            ValueError: the shapes differ.
        """
        check_same_shape(prediction, target)
        counts = ~target.isnan()
        known = target.where(counts, 0)
        size = prediction.abs() + known.abs()
        share = (prediction - known).abs() / size.where(size > 0, 1)
        return 200 * mean_where(share, counts)
