"""Errors in units of what a naive forecast errs."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Gt
from torch import Tensor, nn

from zoo.losses.shapes import check_same_shape, mean_where


def naive_scale(history: Tensor, season: int = 1) -> Tensor:
    """The mean error |y_t - y_(t-m)| of the (seasonal) naive forecast within a series: what MASE divides by.

    Args:
        history: y_1 ... y_n, the part of each series that is known when forecasting, (..., n).
        season: m, steps in a season; 1 is the naive forecast.

    Returns:
        One scale a series, (...).

    Raises:
        ValueError: a series is not longer than a season.
    """
    if not 1 <= season < history.shape[-1]:
        raise ValueError(f"season: {season} steps of a series of {history.shape[-1]}; give 1 or more, and fewer")
    return (history[..., season:] - history[..., :-season]).abs().mean(dim=-1)


class MASE(nn.Module):
    """|y - ŷ| / s, a mean over the values that count: Hyndman & Koehler (2006), section 3.

    s is the mean absolute error of the naive forecast within the series (`naive_scale`), with its season in the M4
    competition: below 1 is better than naive. It belongs to the series, so data of many series give it beside each
    value: target[..., 0] is y, and target[..., 1] is s, both in original units. For a single series it is an option.

    A target that is NaN was not observed, and does not count; nor does one whose scale is zero, of a series that
    never changed, or NaN.

    Args:
        scale: s, of all targets, where none stands beside them.
    """

    problems: ClassVar[tuple[str, ...]] = ("regression",)
    target: ClassVar[str] = "value"
    #: It is fed values and targets in original units, not standardised ones.
    units: ClassVar[str] = "original"
    #: It is for targets with a scale beside each, (B, T, 2), where the data have them.
    reads_scale: ClassVar[bool] = True

    def __init__(self, scale: Annotated[float, Gt(0)] | None = None) -> None:
        super().__init__()
        self.scale = scale

    def _parts(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Values and their scales, the same shape.

        Raises:
            ValueError: there is no scale, or there are two.
        """
        if self.scale is not None:
            if target.dim() == 3:
                raise ValueError(f"scale: {self.scale:g} was given, and each target has its own; leave it out")
            return target, torch.full_like(target, self.scale)
        if target.dim() != 3 or target.shape[-1] != 2:
            raise ValueError(
                f"targets are {tuple(target.shape)}, expected (B, T, 2), a scale beside each value; give loss.scale, "
                "the error of the naive forecast within the series"
            )
        values, scales = target.unbind(dim=-1)
        return values, scales

    def count(self, target: Tensor) -> Tensor:
        """How many of the values count, (), of targets as `forward` takes them."""
        values, scales = self._parts(target)
        return (~values.isnan() & (scales > 0)).sum()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (); zero if nothing counts.

        Args:
            prediction: (B, T).
            target: values and scales, (B, T, 2); or values alone, (B, T), with the option `scale`.

        Raises:
            ValueError: the shapes do not go together, there is no scale, or there are two.
        """
        values, scales = self._parts(target)
        check_same_shape(prediction, values)
        counts = ~values.isnan() & (scales > 0)
        errors = (prediction - values.where(counts, 0)).abs()
        return mean_where(errors / scales.where(counts, 1), counts)
