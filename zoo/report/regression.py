"""Predicted against true values, and what is left over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.report.drawing import (
    BLUE,
    INK,
    VERMILION,
    Picture,
    count_examples,
    finished,
    names_or_numbers,
    new_figure,
    short,
    style,
)
from zoo.report.section import Section, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Targets drawn; all of them are in the table.
DRAWN_TARGETS = 6
#: With more examples than this, their density is drawn.
POINTS_UP_TO = 6000


def report_values(values: Tensor, targets: Tensor, names: Sequence[object] | None) -> Section:
    """Predictions against truth for every target, and of several targets a table of errors.

    Args:
        values: predicted, in original units, (N, T) or (N,).
        targets: true, likewise.
        names: of the targets.
    """
    values, targets = (one.double().reshape(len(one), -1) for one in (values, targets))
    names = names_or_numbers(names, values.shape[1])
    usable = values.isfinite().all(dim=1) & targets.isfinite().all(dim=1)
    missing = int((~usable).sum())
    text = f"{missing:,} of {len(usable):,} predictions are not numbers and left out." if missing else ""
    values, targets = values[usable], targets[usable]
    if not len(values):
        return Section("Test predictions", text=text)
    tables = [_errors(values, targets, names)] if len(names) > 1 else []
    return Section("Test predictions", [draw_predictions(values, targets, names), *tables], text)


def draw_predictions(values: Tensor, targets: Tensor, names: Sequence[str]) -> Picture:
    """`predictions.png`: a row a target, predicted against true and a histogram of the errors.

    Args:
        values: predicted, finite, (N, T).
        targets: true, finite, (N, T).
        names: of the targets.
    """
    drawn = min(len(names), DRAWN_TARGETS)
    with style():
        figure = new_figure(10, 4.7 * drawn)
        grid = figure.add_gridspec(drawn, 2, wspace=0.08, hspace=0.06)
        for row in range(drawn):
            name = short(names[row], 40) if len(names) > 1 or names[row] != "0" else "value"
            _draw_scatter(figure.add_subplot(grid[row, 0]), values[:, row], targets[:, row], name)
            _draw_errors(figure.add_subplot(grid[row, 1]), values[:, row] - targets[:, row], name)
        caption = f"{len(values):,} test examples, in original units. On the diagonal a prediction is exact."
        if drawn < len(names):
            caption += f" The first {drawn} of {len(names)} targets."
        return finished(figure, "predictions", caption=caption, alternative=f"Predicted against true values. {caption}")


def _draw_scatter(axes: Axes, values: Tensor, targets: Tensor, name: str) -> None:
    axes.set_title(f"{name}: predicted against true")
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")
    low, high = float(min(values.min(), targets.min())), float(max(values.max(), targets.max()))
    room = 0.04 * (high - low) or max(abs(high), 1.0) * 0.04
    limits = (low - room, high + room)
    if len(values) > POINTS_UP_TO:
        extent = (*limits, *limits)
        axes.hexbin(targets.numpy(), values.numpy(), gridsize=60, bins="log", cmap="Blues", extent=extent, linewidths=0)
    else:
        alpha = min(0.75, max(0.12, 12 / math.sqrt(len(values))))
        axes.plot(targets.tolist(), values.tolist(), "o", color=BLUE, alpha=alpha, markersize=4.5, markeredgewidth=0)
    axes.plot(limits, limits, color=VERMILION, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.locator_params(nbins=6)


def _draw_errors(axes: Axes, errors: Tensor, name: str) -> None:
    axes.set_title("Errors")
    axes.set_xlabel("predicted − true")
    count_examples(axes)
    bins = min(60, max(10, round(1.8 * math.sqrt(len(errors)))))
    axes.hist(errors.tolist(), bins=bins, color=BLUE, alpha=0.75, edgecolor="white", linewidth=0.6)
    axes.axvline(0, color=VERMILION, linewidth=1, linestyle=(0, (4, 3)))
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.2)
    axes.locator_params(axis="x", nbins=7)
    half = float(errors.abs().kthvalue(math.ceil(0.9 * len(errors))).values)
    words = f"mean {float(errors.mean()):+.4g}\n90 % within ±{half:.4g}".replace("-", "−")
    axes.text(0.98, 0.97, words, transform=axes.transAxes, ha="right", va="top", color=INK, linespacing=1.5)


def _errors(values: Tensor, targets: Tensor, names: Sequence[str]) -> Table:
    """RMSE, MAE and R² of every target; R² is empty where the target does not vary."""
    errors = values - targets
    rmse, mae = errors.square().mean(dim=0).sqrt(), errors.abs().mean(dim=0)
    total = (targets - targets.mean(dim=0)).square().sum(dim=0)
    r2 = torch.where(total > 0, 1 - errors.square().sum(dim=0) / total, torch.nan)
    rows = [
        (name, *(float(one) for one in row[:2]), None if row[2].isnan() else float(row[2]))
        for name, row in zip(names, torch.stack([rmse, mae, r2], dim=1), strict=True)
    ]
    return Table(["target", "RMSE", "MAE", "R²"], rows)
