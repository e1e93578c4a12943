"""How every picture looks. Nothing here touches pyplot, and matplotlib is imported only to draw."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, RULE = "#1c1f24", "#667079", "#d5dade"
#: Told apart by every common kind of colour vision (Okabe and Ito, 2008), strongest first.
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#b0588c"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, "#56a3d9", "#a67c00")
#: Pixels an inch of picture takes on the page, and in its file.
PAGE_DPI, FILE_DPI = 96, 144
#: Scripts that DejaVu Sans lacks, from whichever of these is installed.
FALLBACK_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Noto Sans Devanagari", "Noto Sans Thai")

STYLE = {
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in the name of a class is a dollar sign
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True)
class Picture:
    """A drawn picture.

    Attributes:
        name: of its file, without `.png`.
        png: the file.
        width: on the page, in CSS pixels.
        height: likewise.
        caption: a sentence under it.
        alternative: what it shows, for those who cannot see it.
    """

    name: str
    png: bytes
    width: int
    height: int
    caption: str
    alternative: str


@contextmanager
def style() -> Iterator[None]:
    """Draw in the report's style whatever the user's matplotlibrc says; theirs is back afterwards."""
    import matplotlib
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    fonts = ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed)]
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**STYLE, "font.family": fonts})  # type: ignore[dict-item]
        log = logging.getLogger("matplotlib.font_manager")
        log.addFilter(_worth_saying)
        try:
            yield
        finally:
            log.removeFilter(_worth_saying)


def _worth_saying(record: logging.LogRecord) -> bool:
    """All but that a font of another script has no bold face for titles."""
    return "font weight" not in record.getMessage()


def new_figure(width: float, height: float) -> Figure:
    """A figure of this many inches that keeps its labels apart."""
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained")


def finished(figure: Figure, name: str, *, caption: str, alternative: str) -> Picture:
    """The picture of a figure; the same figure gives the same bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=FILE_DPI, metadata={"Software": None})
    width, height = (round(inches * PAGE_DPI) for inches in figure.get_size_inches())
    return Picture(name, file.getvalue(), width, height, caption, alternative)


def say_in(axes: Axes, words: str) -> None:
    """Words instead of a plot."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def count_examples(axes: Axes) -> None:
    """A vertical axis of examples: whole numbers from zero."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_ylabel("examples")
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def plain_log_scale(axes: Axes) -> None:
    """A logarithmic vertical axis with numbers as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def names_or_numbers(names: Sequence[object] | None, count: int) -> list[str]:
    """A name for each of `count` things: the given ones, or their positions where those do not fit."""
    if names is None or len(names) != count:
        return [str(position) for position in range(count)]
    return [str(name) for name in names]


def short(name: str, length: int = 20) -> str:
    """A name on one line that does not push a plot aside."""
    name = " ".join(name.split())
    return name if len(name) <= length else name[: length - 1] + "…"
