"""Learning rates of schedules, as curves over a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.report.drawing import BLUE, MUTED, PALETTE, finished, new_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Panels side by side, where there are more curves than colours.
_COLUMNS = 5


def draw_rates(rates: Mapping[str, Sequence[float]], steps_per_epoch: int) -> bytes:
    """A PNG file: the learning rate of every optimizer step, over epochs.

    Args:
        rates: of each step, by what the curve is called; more than six have a panel each.
        steps_per_epoch: optimizer steps in an epoch.
    """
    with style():
        if len(rates) > len(PALETTE):
            rows = -(-len(rates) // _COLUMNS)
            figure = new_figure(10, 1.7 * rows + 0.3)
            grid = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
            for axes in grid[len(rates) :]:
                axes.set_axis_off()
            for number, (axes, (name, values)) in enumerate(zip(grid, rates.items(), strict=False)):
                _draw(axes, name, values, steps_per_epoch, BLUE)
                axes.set_title(name)
                axes.tick_params(labelbottom=number + _COLUMNS >= len(rates))
            figure.supxlabel("epoch", color=MUTED, fontsize=9)
            figure.supylabel("learning rate", color=MUTED, fontsize=9)
        else:
            figure = new_figure(7, 3.6)
            axes = figure.add_subplot()
            for (name, values), colour in zip(rates.items(), PALETTE, strict=False):
                _draw(axes, name, values, steps_per_epoch, colour)
            axes.set(xlabel="epoch", ylabel="learning rate")
            if len(rates) > 1:
                axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), labelcolor=MUTED)
            else:
                axes.set_title(next(iter(rates)))
        return finished(figure, "rates", caption="", alternative="").png


def _draw(axes: Axes, name: str, values: Sequence[float], steps_per_epoch: int, colour: str) -> None:
    """One curve. A rate holds for a whole step, and so changes in stairs."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    edges = [step / steps_per_epoch for step in range(len(values) + 1)]
    axes.plot(edges, [*values, values[-1]], drawstyle="steps-post", color=colour, label=name)
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
