"""Every activation and its gradient on one sheet: docs/pictures/activations.png.

    python scripts/draw_activations.py [--output FILE]

Values and gradients are what torch computes in float64, after training where that differs.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

from zoo.models.activations import ACTIVATIONS
from zoo.report.activations import draw_panel
from zoo.report.drawing import STYLE

SHEET = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "activations.png"
COLUMNS, COLOURS = 6, 24


def sheet() -> bytes:
    """All of them, as a PNG of few colours."""
    rows = -(-len(ACTIVATIONS) // COLUMNS)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 1.62 * rows + 0.4), layout="constrained")
        grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True).flatten()
        for axes, name in zip(grid, sorted(ACTIVATIONS), strict=False):
            draw_panel(axes, name)
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
