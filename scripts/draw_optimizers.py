"""Paths of optimizers over two surfaces: docs/pictures/optimizers_rosenbrock.png and optimizers_ravine.png.

    python scripts/draw_optimizers.py [--output FOLDER]

Each optimizer has the learning rate of a grid that takes it lowest without leaving the picture, on the mean of five
draws of the noise. Rosenbrock (1960) is a bent valley, exact gradients; the ravine is a quadratic bowl twenty times as
steep in one direction as in the other, with Gaussian noise on its gradients.
"""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from PIL import Image
from torch import Tensor

import zoo
from zoo.report.drawing import BLUE, FILE_DPI, MUTED, RULE, VERMILION, finished, new_figure, style

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
#: Learning rates that are tried.
RATES = tuple(step * 10.0**power for power in range(-5, 1) for step in (1, 2, 5))
COLUMNS, COLOURS, DRAWS = 4, 128, 5
#: Names, and options other than the learning rate.
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {},
    "nesterov": {},
    "adagrad": {},
    "adadelta": {},
    "rmsprop": {},
    "adam": {},
    "nadam": {},
    "lion": {},
    "schedule_free": {},
    "sam": {},
    "lbfgs": {"max_iter": 1},
}


@dataclass(frozen=True)
class Surface:
    """What is gone down.

    Attributes:
        value: (..., 2) -> (...).
        start: where paths begin.
        minimum: where the value is least, zero.
        steps: how many are taken.
        noise: deviation of the gradient in each direction.
        window: of the picture: x from, x to, y from, y to.
        levels: of the contour lines.
    """

    value: Callable[[Tensor], Tensor]
    start: tuple[float, float]
    minimum: tuple[float, float]
    steps: int
    noise: float
    window: tuple[float, float, float, float]
    levels: list[float] = field(default_factory=list)


SURFACES = {
    "rosenbrock": Surface(
        lambda at: (1 - at[..., 0]) ** 2 + 100 * (at[..., 1] - at[..., 0] ** 2) ** 2,
        *((-1.2, 1.0), (1.0, 1.0), 300, 0.0, (-1.8, 1.8, -0.8, 2.4)),
        levels=[0.3, 1, 3, 10, 30, 100, 300, 1000],
    ),
    "ravine": Surface(
        lambda at: (at[..., 0] ** 2 + 20 * at[..., 1] ** 2) / 2,
        *((-3.4, 1.2), (0.0, 0.0), 60, 1.0, (-4, 1.6, -1.7, 1.7)),
        levels=[0.1, 0.3, 1, 2, 4, 7, 11, 16, 22, 30],
    ),
}


def path(name: str, lr: float, surface: Surface, seed: int = 0) -> np.ndarray:
    """Where an optimizer has been, (steps + 1, 2); the means that are evaluated, where it keeps some.

    Args:
        name: on the command line.
        lr: learning rate.
        surface: to go down.
        seed: of the noise.
    """
    at = torch.nn.Parameter(torch.tensor(surface.start, dtype=torch.float64))
    optimizer = zoo.build("optimizer", name, params=[at], lr=lr, **OPTIMIZERS.get(name, {}))
    generator = torch.Generator().manual_seed(seed)
    found = [at.detach().clone()]
    for _ in range(surface.steps):
        noise = surface.noise * torch.randn(2, generator=generator, dtype=torch.float64)

        def closure(noise: Tensor = noise) -> Tensor:
            optimizer.zero_grad()
            value = surface.value(at) + noise @ at
            value.backward()
            return value

        if hasattr(optimizer, "train"):
            optimizer.train()
        optimizer.step(closure)
        if hasattr(optimizer, "eval"):
            optimizer.eval()
        found.append(at.detach().clone())
    return torch.stack(found).numpy()


def end(name: str, lr: float, surface: Surface) -> float:
    """The value where paths end, a mean over draws and the last tenth of the steps; ∞ if one leaves the picture."""
    draws = range(DRAWS if surface.noise else 1)
    paths = np.stack([path(name, lr, surface, seed) for seed in draws])
    left, right, bottom, top = surface.window
    inside = (paths > (left, bottom)) & (paths < (right, top))
    if not inside.all():
        return math.inf
    last = paths[:, -max(surface.steps // 10, 1) :]
    return float(surface.value(torch.from_numpy(last)).mean())


def best(name: str, surface: Surface) -> float:
    """The learning rate with the lowest end."""
    return min(RATES, key=lambda lr: end(name, lr, surface))


def panel(axes: Axes, name: str, surface: Surface) -> None:
    """Contour lines, the path, where it starts and where it should end."""
    left, right, bottom, top = surface.window
    grid = np.stack(np.meshgrid(np.linspace(left, right, 240), np.linspace(bottom, top, 240)), -1)
    values = surface.value(torch.from_numpy(grid)).numpy()
    axes.contour(grid[..., 0], grid[..., 1], values, levels=surface.levels, colors=RULE, linewidths=0.7)
    lr = best(name, surface)
    gone = path(name, lr, surface)
    axes.plot(gone[:, 0], gone[:, 1], color=BLUE, linewidth=1.0, marker=".", markersize=2.5)
    axes.plot(*surface.start, marker="o", color=BLUE, markersize=5)
    axes.plot(*surface.minimum, marker="*", color=VERMILION, markersize=10, zorder=5)
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], title=name)
    axes.grid(visible=False)
    told = f"η {lr:g}, ends at {end(name, lr, surface):.2g}"
    axes.text(1, 1.03, told, transform=axes.transAxes, size=7.5, color=MUTED, ha="right")


def sheet(surface: Surface) -> bytes:
    """All optimizers on one surface, as a PNG of few colours."""
    rows = -(-len(OPTIMIZERS) // COLUMNS)
    with style():
        figure = new_figure(9.6, 2.15 * rows)
        for axes, name in zip(figure.subplots(rows, COLUMNS).flatten(), OPTIMIZERS, strict=True):
            panel(axes, name, surface)
        drawn = Image.open(io.BytesIO(finished(figure, "paths", caption="", alternative="").png))
    file = io.BytesIO()
    few = drawn.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True, dpi=(FILE_DPI, FILE_DPI))
    return file.getvalue()


def main() -> None:
    """Writes both sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for name, surface in SURFACES.items():
        file = folder / f"optimizers_{name}.png"
        file.write_bytes(sheet(surface))
        print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
