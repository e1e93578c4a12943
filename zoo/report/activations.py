"""Activations and their gradients, as curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from zoo.models.activations import ACTIVATIONS, make_activation
from zoo.report.drawing import BLUE, INK, MUTED, RULE, VERMILION, finished, new_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Values of x are drawn from -REACH to REACH.
REACH = 4.0
#: The features that functions of several are drawn of.
SEVERAL: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "glu": lambda x: (torch.ones_like(x), x),
    "log_softmax": lambda x: (x, torch.zeros_like(x)),
    "maxout": lambda x: (x, -x / 2),
    "softmax": lambda x: (x, torch.zeros_like(x)),
    "softmin": lambda x: (x, torch.zeros_like(x)),
}
NOTES = {
    "glu": "gate x, value 1",
    "log_softmax": "of x beside 0",
    "maxout": "of x, -x / 2",
    "relu6": "6 from 6 on",
    "rrelu": "slope 1/8 to 1/3",
    "softmax": "of x beside 0",
    "softmin": "of x beside 0",
}


def value_and_gradient(
    activation: str | dict[str, Any], points: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """f and f' in float64, after training where that differs.

    Args:
        activation: its name, or `{"name": ..., option: value}`.
        points: values of x, (N,).

    Raises:
        ValueError: no such activation or option.
    """
    name = activation if isinstance(activation, str) else str(activation["name"])
    x = torch.from_numpy(points).requires_grad_()
    module = make_activation(activation).double().eval()
    value = module(torch.stack(SEVERAL[name](x), -1))[..., 0] if name in SEVERAL else module(x)
    value.sum().backward()
    assert x.grad is not None
    return value.detach().numpy(), x.grad.numpy()


def draw_panel(axes: Axes, name: str) -> None:
    """f, and f' dashed, of one activation."""
    points = np.arange(-REACH, REACH, 0.01) + 0.005
    value, gradient = value_and_gradient(name, points)
    axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)
    if name == "rrelu":
        axes.fill_between(points, points / 3, points / 8, where=points < 0, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(points, _without_jumps(value), color=BLUE)
    axes.plot(points, _without_jumps(gradient), color=VERMILION, linewidth=1.2, linestyle=(0, (3, 1.2)))
    axes.set(xlim=(-REACH, REACH), ylim=(-2.2, 3.2), xticks=[-3, 0, 3], yticks=[-2, 0, 2])
    axes.grid(visible=False)
    axes.set_title(name, color=INK, pad=3)
    if name in NOTES:
        axes.text(0.03, 0.97, NOTES[name], transform=axes.transAxes, va="top", size=7.5, color=MUTED)


def draw_activations(names: Sequence[str]) -> bytes:
    """A PNG file with a panel for each name; one alone has its formula below.

    Raises:
        ValueError: no such activation.
    """
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    with style():
        figure = new_figure(4.6 if columns == 1 else 2.3 * columns, 3.6 if columns == 1 else 2.1 * rows + 0.4)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
        for number, (axes, name) in enumerate(zip(grid, names, strict=False)):
            draw_panel(axes, name)
            axes.tick_params(labelbottom=number + columns >= len(names))
        for axes in grid[len(names) :]:
            axes.set_axis_off()
        if len(names) == 1:
            grid[0].set_xlabel(f"x;  f(x) = {ACTIVATIONS[names[0]].formula}")
        figure.legend(grid[0].get_lines()[-2:], ["f(x)", "f'(x)"], loc="outside upper right", ncols=2)
        return finished(figure, "activations", caption="", alternative="").png


def _without_jumps(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A gap where a function jumps, so that no line is drawn through it."""
    shown = values.copy()
    shown[1:][np.abs(np.diff(values)) > 0.05] = np.nan
    return shown
