"""Losses, metrics and the learning rate over the run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.report.drawing import (
    BLUE,
    INK,
    MUTED,
    PALETTE,
    VERMILION,
    Picture,
    finished,
    new_figure,
    plain_log_scale,
    say_in,
    short,
    style,
)
from zoo.report.logs import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: A loss that spans more than this factor is drawn on a logarithmic axis.
LOGARITHMIC_FROM = 30
#: Curves with fewer points show each of them.
DOTTED_BELOW = 40


def draw_curves(curves: Mapping[str, Curve], *, monitor: str, best_step: float | None) -> Picture | None:
    """`curves.png`: loss and learning rate on the left, validation metrics on the right, over steps.

    Args:
        curves: by logged name.
        monitor: the name that decided which step is best.
        best_step: that step; `None` or NaN where there is none.

    Returns:
        The picture; `None` where nothing was logged.
    """
    losses = pick_losses(curves)
    rates = {name: curve for name, curve in curves.items() if name == "lr" or name.startswith("lr/")}
    metrics = {name: curve for name, curve in curves.items() if name.startswith("val/") and name != "val/loss"}
    if not (losses or rates or metrics):
        return None
    panels = group_metrics(metrics)
    best = None if best_step is None or not math.isfinite(best_step) else int(best_step)
    with style():
        figure = new_figure(10, max(4.3, 1.75 * len(panels)))
        columns = figure.add_gridspec(1, 2 if panels else 1, width_ratios=[1.45, 1][: 2 if panels else 1], wspace=0.06)
        left = columns[0].subgridspec(2 if rates else 1, 1, height_ratios=[3.6, 1][: 2 if rates else 1])
        loss_axes = figure.add_subplot(left[0])
        _draw_losses(loss_axes, losses)
        places, every = dict.fromkeys(losses, loss_axes), [loss_axes]
        if rates:
            every.append(figure.add_subplot(left[1], sharex=loss_axes))
            _draw_rates(every[-1], rates)
        if panels:
            right = columns[1].subgridspec(len(panels), 1)
            for position, names in enumerate(panels):
                every.append(figure.add_subplot(right[position], sharex=loss_axes))
                _draw_metrics(every[-1], {name: metrics[name] for name in names})
                places |= dict.fromkeys(names, every[-1])
        steps = [step for curve in (*losses.values(), *rates.values(), *metrics.values()) for step in curve.steps]
        bottoms = [every[1] if rates else loss_axes, *([every[-1]] if panels else [])]
        _finish_axes(every, bottoms, last=max(steps), best=best)
        if best is not None and monitor in places:
            _mark_best(places[monitor], curves[monitor], best)
        return finished(
            figure, "curves", caption=_caption(curves, monitor, best), alternative=_alternative(losses, metrics)
        )


def pick_losses(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """The losses to draw: that since the last log only where it tells more than the mean of the epoch."""
    losses = {name: curves[name] for name in ("train/loss", "train/epoch_loss", "val/loss") if name in curves}
    if {"train/loss", "train/epoch_loss"} <= set(losses):
        fine, coarse = losses["train/loss"], losses["train/epoch_loss"]
        if len(fine.steps) < 2 * len(coarse.steps):
            del losses["train/loss"]
    return losses


def group_metrics(metrics: Mapping[str, Curve]) -> list[list[str]]:
    """Metrics that share a panel: those between 0 and 1 together, every other alone."""
    panels: list[list[str]] = []
    shares: list[str] = []
    for name, curve in metrics.items():
        values = [value for value in curve.values if math.isfinite(value)]
        if values and min(values) >= 0 and max(values) <= 1:
            if not shares:
                panels.append(shares)
            shares.append(name)
        else:
            panels.append([name])
    return panels


def _draw_losses(axes: Axes, losses: Mapping[str, Curve]) -> None:
    axes.set_title("Loss")
    styles: dict[str, tuple[str, dict[str, Any]]] = {
        "train/loss": ("training", {"color": MUTED, "linewidth": 0.7, "alpha": 0.55}),
        "train/epoch_loss": ("training, mean of the epoch", {"color": MUTED}),
        "val/loss": ("validation", {"color": BLUE, "linewidth": 1.9}),
    }
    drawn = [_plot(axes, curve, label=styles[name][0], **styles[name][1]) for name, curve in losses.items()]
    if not any(drawn):
        say_in(axes, "no finite value" if losses else "no loss was logged")
        return
    values = [value for curve in losses.values() for value in curve.values if math.isfinite(value)]
    if min(values) > 0 and max(values) > LOGARITHMIC_FROM * min(values):
        plain_log_scale(axes)
    axes.legend(loc="best", labelcolor=INK)


def _draw_rates(axes: Axes, rates: Mapping[str, Curve]) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.set_title("Learning rate")
    for (name, curve), colour in zip(rates.items(), PALETTE * len(rates), strict=False):
        _plot(axes, curve, label=short(name.removeprefix("lr/")), color=colour if len(rates) > 1 else INK)
    highest = max((v for curve in rates.values() for v in curve.values if math.isfinite(v)), default=1.0)
    axes.set_ylim(0, 1.15 * highest if highest > 0 else 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.locator_params(axis="y", nbins=3)
    if len(rates) > 1:
        axes.legend(loc="best", ncols=2, fontsize=8)


def _draw_metrics(axes: Axes, metrics: Mapping[str, Curve]) -> None:
    names = [name.removeprefix("val/") for name in metrics]
    axes.set_title(f"Validation {short(names[0], 40)}" if len(names) == 1 else "Validation metrics")
    drawn = [
        _plot(axes, curve, label=short(name), color=colour)
        for name, curve, colour in zip(names, metrics.values(), PALETTE * len(names), strict=False)
    ]
    if not any(drawn):
        say_in(axes, "no finite value")
    elif len(names) > 1:
        axes.legend(loc="best")


def _plot(axes: Axes, curve: Curve, **options: object) -> bool:
    """Draw a curve, broken where it is not finite; says whether there was anything to draw."""
    values = [value if math.isfinite(value) else math.nan for value in curve.values]
    finite = sum(math.isfinite(value) for value in values)
    if not finite:
        return False
    dots = {"marker": "o", "markersize": 2.6} if finite < DOTTED_BELOW else {}
    axes.plot(curve.steps, values, **{**dots, **options})  # type: ignore[arg-type]
    return True


def _finish_axes(every: Sequence[Axes], bottoms: Sequence[Axes], *, last: int, best: int | None) -> None:
    """One horizontal axis for all, written out under the lowest of each column."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    every[0].set_xlim(0, max(last, best or 0, 1) * 1.02)
    for axes in every:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.tick_params(labelbottom=axes in bottoms)
        if best is not None:
            axes.axvline(best, color=VERMILION, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1.5)
    for axes in bottoms:
        axes.set_xlabel("step")


def _mark_best(axes: Axes, curve: Curve, best: int) -> None:
    """A ring where the monitored curve was best."""
    if best in curve.steps and math.isfinite(value := curve.values[curve.steps.index(best)]):
        ring = {"marker": "o", "markersize": 8, "markerfacecolor": "none", "markeredgewidth": 1.6}
        axes.plot([best], [value], color=VERMILION, clip_on=False, zorder=5, **ring)  # type: ignore[arg-type]


def _caption(curves: Mapping[str, Curve], monitor: str, best: int | None) -> str:
    if best is None:
        return ""
    curve = curves.get(monitor)
    value = f" ({curve.values[curve.steps.index(best)]:.4g})" if curve and best in curve.steps else ""
    return f"Dashed: step {best:,}, the best by {monitor}{value}."


def _alternative(losses: Mapping[str, Curve], metrics: Mapping[str, Curve]) -> str:
    parts = [
        f"{name} from {curve.values[0]:.4g} to {curve.values[-1]:.4g}" for name, curve in {**losses, **metrics}.items()
    ]
    return "Curves over training steps: " + "; ".join(parts)
