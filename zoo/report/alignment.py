"""Attention of one example as a picture: a row a target token, a column a source token."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.report.drawing import BLUE, FILE_DPI, INK, MUTED, RULE, Picture, finished, style
from zoo.report.fonts import BASE, clusters, in_bold, lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Weights from none to all.
COLOURS = ("#f4f5f6", "#a9cfe8", BLUE, "#00263d")
#: Inches. A cell is as large as fits `ROOM`, within bounds; more tokens than fit `MOST_ROOM` make it smaller still.
ROOM, LARGEST, SMALLEST, MOST_ROOM = 5.2, 0.4, 0.16, 14.0
LONGEST_LABEL, SMALLEST_LABELLED, EDGE = 1.7, 0.14, 0.1
#: Of the scale: its width, the shortest and longest height, and the place it takes beside the weights.
SCALE, SHORTEST_SCALE, LONGEST_SCALE, SCALE_PLACE = 0.11, 0.9, 2.0, 0.65
TITLE_SIZE, LINE = 10.0, 0.2
#: Of text in the fonts that the whole picture is drawn with.
PLAIN: Mapping[str, Any] = {}


def heatmap(
    weights: Any,
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    title: str = "",
    *,
    name: str = "attention",
    caption: str = "",
    note: bool = True,
) -> Picture:
    """The attention weights of one example.

    Colours mean the same in every picture: they go from 0 to 1 by the square root, so that weights spread over many
    tokens can be seen. Tokens are shown in any script; see `zoo.report.fonts` for what happens without a font.

    Args:
        weights: (T, S); a row need not sum to one. Weights that are not numbers are grey.
        source_tokens: S of them, from left to right whatever their script.
        target_tokens: T of them, from top to bottom.
        title: over the picture; cut where it is longer than two lines.
        name: of the picture's file.
        caption: what else to say below the picture.
        note: whether the caption says what to install where no font has a character.

    Raises:
        ValueError: the weights do not fit the tokens.
    """
    weights = checked(weights, source_tokens, target_tokens)
    with style():
        import matplotlib

        letters = lettering([*source_tokens, *target_tokens, title, "…"])
        matplotlib.rcParams["font.family"] = list(letters.families)
        plan = _plan(*([letters.show(one) for one in tokens] for tokens in (source_tokens, target_tokens)))
        figure = _draw(weights, plan, letters.line(" ".join(title.split())))
        said = [caption, _bad(weights), f"Every {_ordinal(plan.every)} token is named." if plan.every > 1 else ""]
        said.append(letters.note if note else "")
        return finished(
            figure,
            name,
            caption=" ".join(one for one in said if one),
            alternative=_in_words(weights, source_tokens, target_tokens),
        )


def checked(weights: Any, source_tokens: Sequence[str], target_tokens: Sequence[str]) -> NDArray[np.float64]:
    """The weights as an array of shape (T, S).

    Raises:
        ValueError: they have another shape.
    """
    given = np.asarray(weights, dtype=np.float64)
    expected = (len(target_tokens), len(source_tokens))
    if given.shape != expected and given.size + math.prod(expected):
        raise ValueError(
            f"attention weights of shape {given.shape} for {expected[0]:,} target and {expected[1]:,} source tokens: "
            "expected one row a target token, one column a source token"
        )
    return given.reshape(expected)


@dataclass(frozen=True)
class _Plan:
    """Where everything goes, in inches; labels are already cut to what there is room for.

    Attributes:
        columns: labels of the source tokens.
        rows: of the target tokens.
        cell: side of a cell.
        every: only every so many-th token is named.
        turned: degrees by which labels of columns are turned.
        size: of labels, in points.
        room: that a label has while it is not turned.
        mostly_fit: whether only labels that do not fit are turned.
        left: place that the labels of rows take.
        over: that those of columns take.
        beyond: by how much the last of those sticks out to the right.
    """

    columns: list[str]
    rows: list[str]
    cell: float
    every: int
    turned: int
    size: float
    room: float
    mostly_fit: bool
    left: float
    over: float
    beyond: float

    @property
    def width(self) -> float:
        return self.cell * max(1, len(self.columns))

    @property
    def height(self) -> float:
        return self.cell * max(1, len(self.rows))


def _plan(columns: list[str], rows: list[str]) -> _Plan:
    """Labels across lie flat where they fit, lean where cells are large, and stand otherwise.

    Where only a few do not fit, such as the end of a source of letters, those stand alone.
    """
    longest = max(len(columns), len(rows), 1)
    cell = min(LARGEST, max(SMALLEST, ROOM / longest), MOST_ROOM / longest)
    every = max(1, math.ceil(SMALLEST_LABELLED / cell))
    size = min(10.0, max(6.5, 72 * cell * every * 0.68))
    columns, rows = ([_cut(one, size, LONGEST_LABEL) for one in labels] for labels in (columns, rows))
    across = [_width(one, size) for one in columns[::every]]
    room = 0.94 * cell * every
    if 0.8 * max(across, default=0.0) <= room < max(across, default=0.0):  # a little smaller, and they lie flat
        size, across = size * room / max(across), [one * room / max(across) for one in across]
    widest, tall = max(across, default=0.0), 1.25 * size / 72
    fitting = sum(one <= room for one in across)
    turned = 0 if fitting == len(across) else 45 if cell >= 0.28 and fitting < 0.75 * len(across) else 90
    sine, cosine = math.sin(math.radians(turned)), math.cos(math.radians(turned))
    beyond = max(
        (position * every * cell + width * cosine for position, width in enumerate(across)), default=0.0
    ) - cell * (len(columns) - 0.5)
    return _Plan(
        columns,
        rows,
        cell,
        every,
        turned,
        size,
        room,
        mostly_fit=fitting >= 0.75 * len(across),
        left=max((_width(one, size) for one in rows[::every]), default=0.0),
        over=widest * sine + tall * max(cosine, 0.3),
        beyond=beyond if turned == 45 else 0.0,
    )


def _draw(weights: NDArray[np.float64], plan: _Plan, title: str) -> Figure:
    from matplotlib.figure import Figure

    gap, names = 0.07, 0.22  # between labels and weights; of the words "source" and "target"
    left, over = EDGE + names + plan.left + gap, plan.over + gap + names
    right = max(SCALE_PLACE, plan.beyond) + EDGE
    width = left + plan.width + right
    look: dict[str, Any] = {"family": BASE, "weight": "bold"} if in_bold(title) else {}
    lines = _wrapped(title, max(width, 3.2) - 2 * EDGE, look)
    width = max(width, 2 * EDGE + max((_width(line, TITLE_SIZE, look) for line in lines), default=0.0))
    top = EDGE + LINE * len(lines) + (0.06 if lines else 0.0) + over
    height = top + max(plan.height, SHORTEST_SCALE) + EDGE + 0.05
    figure = Figure((width, height))

    def axes_at(x: float, y: float, wide: float, high: float) -> Axes:
        """Axes whose upper left corner is so many inches from the figure's."""
        return figure.add_axes((x / width, 1 - (y + high) / height, wide / width, high / height))

    for number, line in enumerate(lines):
        place = (EDGE / width, 1 - (EDGE + LINE * (number + 0.5)) / height)
        figure.text(*place, line, fontsize=TITLE_SIZE, color=INK, ha="left", va="center", **look)
    axes = axes_at(left, top, plan.width, plan.height)
    mesh = _draw_weights(axes, weights, plan.cell)
    _draw_labels(axes, plan)
    words = {"fontsize": 8, "color": MUTED}
    centre = top + plan.height / 2
    figure.text(
        (left + plan.width / 2) / width,
        1 - (top - over + names / 2) / height,
        "source",
        words,
        ha="center",
        va="center",
    )
    figure.text((EDGE + names / 2) / width, 1 - centre / height, "target", words, ha="center", va="center", rotation=90)
    scale = min(LONGEST_SCALE, max(SHORTEST_SCALE, plan.height))
    _draw_scale(figure, axes_at(left + plan.width + 0.16, top, SCALE, scale), mesh)
    return figure


def _draw_weights(axes: Axes, weights: NDArray[np.float64], cell: float) -> Any:
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    colours = LinearSegmentedColormap.from_list("attention", COLOURS).with_extremes(bad=RULE)
    rows, columns = weights.shape
    line = 1.0 if cell > 0.25 else 0.5 if cell > 0.1 else 0.0
    axes.grid(False)
    axes.spines[:].set_visible(False)
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(weights).clip(0, 1),
        cmap=colours,
        norm=PowerNorm(0.5, 0, 1),
        edgecolors="white" if line else "none",
        linewidth=line,
        antialiased=bool(line),
    )
    axes.set(xlim=(-0.5, max(columns, 1) - 0.5), ylim=(max(rows, 1) - 0.5, -0.5))
    if not weights.size:
        axes.text(0.5, 0.5, "–", transform=axes.transAxes, color=MUTED, ha="center", va="center")
    return mesh


def _draw_labels(axes: Axes, plan: _Plan) -> None:
    turn: dict[str, Any] = {"rotation": plan.turned}
    if plan.turned == 45:
        turn |= {"ha": "left", "va": "bottom", "rotation_mode": "anchor"}
    axes.xaxis.tick_top()
    axes.set_xticks(range(0, len(plan.columns), plan.every), plan.columns[:: plan.every], **turn)
    for label in axes.get_xticklabels() if plan.mostly_fit else ():
        if _width(label.get_text(), plan.size) <= plan.room:
            label.set_rotation(0)
    axes.set_yticks(range(0, len(plan.rows), plan.every), plan.rows[:: plan.every])
    axes.tick_params(length=0, labelsize=plan.size, pad=4)


def _draw_scale(figure: Figure, axes: Axes, mesh: Any) -> None:
    bar = figure.colorbar(mesh, cax=axes, ticks=[0, 0.1, 0.25, 0.5, 1])
    bar.ax.set_yticklabels(["0", "0.1", "0.25", "0.5", "1"])
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2, labelcolor=MUTED)
    bar.ax.grid(False)


def _width(text: str, size: float, look: Mapping[str, Any] = PLAIN) -> float:
    """Inches that a text takes at a font size in points."""
    from matplotlib.backends import backend_agg
    from matplotlib.font_manager import FontProperties

    agg: Any = backend_agg  # has no types
    font = FontProperties(size=size, **look)
    return float(agg.RendererAgg(1, 1, FILE_DPI).get_text_width_height_descent(text, font, False)[0]) / FILE_DPI


def _cut(text: str, size: float, room: float, look: Mapping[str, Any] = PLAIN) -> str:
    """The beginning of a text, as much as so many inches hold."""
    if _width(text, size, look) <= room:
        return text
    parts = clusters(text)
    low, high = 0, len(parts) - 1  # so many fit, and no more than so many
    while low < high:
        middle = (low + high + 1) // 2
        fits = _width("".join(parts[:middle]) + "…", size, look) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return "".join(parts[:low]).rstrip() + "…"


def _wrapped(text: str, room: float, look: Mapping[str, Any]) -> list[str]:
    """A title on two lines of so many inches at most; it breaks at a space where there is one."""
    if not text:
        return []
    first = _cut(text, TITLE_SIZE, room, look)
    if first == text:
        return [text]
    first = first.removesuffix("…")
    rest = text[len(first) :]
    at = first.rfind(" ") if " " in first and not rest.startswith(" ") else len(first)
    return [text[:at], _cut(text[at:].lstrip(), TITLE_SIZE, room, look)]


def _bad(weights: NDArray[np.float64]) -> str:
    bad = int((~np.isfinite(weights)).sum())
    return f"{bad:,} weight{' is' if bad == 1 else 's are'} not numbers and grey." if bad else ""


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


def _in_words(weights: NDArray[np.float64], source_tokens: Sequence[str], target_tokens: Sequence[str]) -> str:
    """Where each target token looks most."""
    said = f"Attention of {len(target_tokens):,} target tokens over {len(source_tokens):,} source tokens."
    if not weights.size or not np.isfinite(weights).all():
        return said
    places = weights.argmax(axis=1).tolist()
    pairs = [f"{target} to {source_tokens[place]}" for target, place in zip(target_tokens, places, strict=True)]
    return f"{said} Strongest: {', '.join(pairs[:20])}{', and so on' if len(pairs) > 20 else ''}."
