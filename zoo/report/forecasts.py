"""Forecasts of series: some of them drawn, errors by the step ahead, and next to forecasts without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from zoo.report.drawing import BLUE, INK, MUTED, PALETTE, Picture, finished, new_figure, short, style
from zoo.report.section import Section, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Series drawn, from the one that is forecast best to the one that is forecast worst.
DRAWN = 6
_METHODS = {"": "this model", "seasonal_naive/": "seasonal naive", "naive/": "naive"}


@dataclass(frozen=True)
class Histories:
    """What was known of each test series.

    Attributes:
        names: of the series.
        values: up to where the forecast begins.
        others: forecasts that need no model, by name, (N, H) each.
    """

    names: Sequence[str]
    values: Sequence[NDArray[np.float64]]
    others: Mapping[str, NDArray[np.float64]]


def report_forecasts(
    forecasts: Tensor, actual: Tensor, metrics: Mapping[str, float], histories: Histories | None = None
) -> Section:
    """Measures beside those of naive forecasts, some series, and the error by the step ahead.

    Args:
        forecasts: in original units, (N, H).
        actual: likewise.
        metrics: of the run; `test/naive/smape` and so on are those of the naive forecasts.
        histories: of the N series, in the same order.
    """
    predicted, true = (one.double().numpy() for one in (forecasts, actual))
    usable = np.isfinite(predicted).all(1) & np.isfinite(true).all(1)
    text = "" if usable.all() else f"{(~usable).sum():,} of {len(usable):,} forecasts are not numbers and left out."
    content: list[Picture | Table] = [table] if (table := _measures(metrics)) else []
    if not usable.any():
        return Section("Test forecasts", content, text)
    predicted, true = predicted[usable], true[usable]
    if histories is not None:
        kept = [place for place in range(len(usable)) if usable[place]]
        names, values = [histories.names[one] for one in kept], [histories.values[one] for one in kept]
        histories = Histories(names, values, {name: one[kept] for name, one in histories.others.items()})
    content += [draw_forecasts(predicted, true, histories), draw_steps(predicted, true, histories)]
    return Section("Test forecasts", content, text)


def errors(forecasts: NDArray[np.float64], actual: NDArray[np.float64]) -> NDArray[np.float64]:
    """200 |y - f| / (|y| + |f|) of every value, in per cent, zero where both are; Makridakis (1993)."""
    size = np.abs(actual) + np.abs(forecasts)
    return 200 * np.abs(actual - forecasts) / np.where(size > 0, size, 1)


def draw_forecasts(
    forecasts: NDArray[np.float64], actual: NDArray[np.float64], histories: Histories | None = None
) -> Picture:
    """`forecasts.png`: series from the one that is forecast best to the one that is forecast worst.

    Args:
        forecasts: finite, (N, H).
        actual: likewise.
        histories: of the N series.
    """
    rate = errors(forecasts, actual).mean(1)
    order = np.argsort(rate, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(DRAWN, len(order))).round().astype(int))]
    rows = -(-len(chosen) // 2)
    with style():
        figure = new_figure(10, 2.3 * rows + 0.3)
        grid = figure.subplots(rows, 2, squeeze=False).flatten()
        for axes, place in zip(grid, chosen, strict=False):
            past = None if histories is None else histories.values[place][-3 * actual.shape[1] :]
            name = str(place) if histories is None else short(histories.names[place], 30)
            _draw_series(axes, forecasts[place], actual[place], past)
            axes.set_title(f"{name}: sMAPE {rate[place]:.2f} %")
        for axes in grid[len(chosen) :]:
            axes.set_axis_off()
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        caption = f"{len(chosen)} of {len(rate):,} series, from the one that is forecast best to the worst."
        return finished(figure, "forecasts", caption=caption, alternative=f"Forecasts and what came. {caption}")


def draw_steps(
    forecasts: NDArray[np.float64], actual: NDArray[np.float64], histories: Histories | None = None
) -> Picture:
    """`forecast_steps.png`: the mean error over series, by the step ahead.

    Args:
        forecasts: finite, (N, H).
        actual: likewise.
        histories: of the N series, with naive forecasts.
    """
    horizon = actual.shape[1]
    curves = {"this model": forecasts, **(histories.others if histories is not None else {})}
    with style():
        figure = new_figure(10, 3.2)
        axes = figure.add_subplot()
        steps = range(1, horizon + 1)
        for (name, values), colour in zip(curves.items(), PALETTE, strict=False):
            axes.plot(steps, errors(values, actual).mean(0), color=colour, marker=".", label=name)
        axes.set(xlabel="steps ahead", ylabel="sMAPE, %", xlim=(0.5, horizon + 0.5))
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="x", integer=True)
        if len(curves) > 1:
            axes.legend()
        caption = f"Mean over {len(actual):,} series of the error that each step ahead has."
        return finished(figure, "forecast_steps", caption=caption, alternative=caption)


def _draw_series(
    axes: Axes, forecast: NDArray[np.float64], actual: NDArray[np.float64], past: NDArray[np.float64] | None
) -> None:
    ahead = np.arange(1, len(actual) + 1)
    known = np.array([]) if past is None else past
    axes.plot(np.arange(1 - len(known), 1), known, color=MUTED, linewidth=1, label="known")
    last = known[-1:]  # so that the lines go on from what is known
    axes.plot(np.concatenate([ahead[:0] if not len(last) else [0], ahead]), [*last, *actual], color=INK, label="came")
    axes.plot(ahead, forecast, color=BLUE, label="forecast")
    axes.axvline(0.5, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)))
    axes.locator_params(nbins=6)


def _measures(metrics: Mapping[str, float]) -> Table | None:
    """sMAPE and MASE of the model and of naive forecasts; None where they are not known."""
    names = [name for name in ("smape", "mase") if f"test/seasonal_naive/{name}" in metrics]
    if not names:
        return None
    rows = [(method, *(metrics.get(f"test/{prefix}{name}") for name in names)) for prefix, method in _METHODS.items()]
    titles = {"smape": "sMAPE, %", "mase": "MASE"}
    return Table(["forecast", *(titles[name] for name in names)], rows, "Means over the test series.", decimals=3)


def actual_values(targets: Tensor) -> Tensor:
    """The values of targets that hold scales beside them, (N, H, 2) to (N, H); others as they are."""
    return targets[..., 0] if targets.ndim == 3 else targets
