"""Every activation and its gradient on one sheet: docs/pictures/activations.png.

    python scripts/draw_activations.py [--output FILE]

Values and gradients are what torch computes in float64, after training where that differs.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from zoo.models.activations import ACTIVATIONS, make_activation
from zoo.report.drawing import BLUE, INK, MUTED, RULE, STYLE, VERMILION

SHEET = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "activations.png"
COLUMNS, REACH, COLOURS = 6, 4.0, 24
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


def value_and_gradient(name: str, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f and f' at these points."""
    x = torch.from_numpy(points).requires_grad_()
    module = make_activation(name).double().eval()
    value = module(torch.stack(SEVERAL[name](x), -1))[..., 0] if name in SEVERAL else module(x)
    value.sum().backward()
    assert x.grad is not None
    return value.detach().numpy(), x.grad.numpy()


def without_jumps(values: np.ndarray) -> np.ndarray:
    """A gap where a function jumps, so that no line is drawn through it."""
    shown = values.copy()
    shown[1:][np.abs(np.diff(values)) > 0.05] = np.nan
    return shown


def panel(axes: Axes, name: str) -> None:
    """One activation."""
    points = np.arange(-REACH, REACH, 0.01) + 0.005
    value, gradient = value_and_gradient(name, points)
    axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)
    if name == "rrelu":
        axes.fill_between(points, points / 3, points / 8, where=points < 0, color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(points, without_jumps(value), color=BLUE)
    axes.plot(points, without_jumps(gradient), color=VERMILION, linewidth=1.2, linestyle=(0, (3, 1.2)))
    axes.set(xlim=(-REACH, REACH), ylim=(-2.2, 3.2), xticks=[-3, 0, 3], yticks=[-2, 0, 2])
    axes.grid(visible=False)
    axes.set_title(name, color=INK, pad=3)
    if name in NOTES:
        axes.text(0.03, 0.97, NOTES[name], transform=axes.transAxes, va="top", size=7.5, color=MUTED)


def sheet() -> bytes:
    """All of them, as a PNG of few colours."""
    rows = -(-len(ACTIVATIONS) // COLUMNS)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 1.62 * rows + 0.4), layout="constrained")
        grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True).flatten()
        for axes, name in zip(grid, sorted(ACTIVATIONS), strict=False):
            panel(axes, name)
        for axes in grid[len(ACTIVATIONS) :]:
            axes.set_axis_off()
        figure.legend(grid[0].get_lines()[-2:], ["f(x)", "f'(x)"], loc="outside upper right", ncols=2)
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=100)
    small = io.BytesIO()
    Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def main() -> None:
    """Writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=SHEET)
    output: Path = parser.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(sheet())
    print(f"{output}: {len(ACTIVATIONS)} activations, {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
