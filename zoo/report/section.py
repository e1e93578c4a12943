"""What the page is made of between its head and its foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.report.drawing import Picture


@dataclass(frozen=True)
class Table:
    """Rows of numbers or texts, a name before each.

    Attributes:
        header: of the columns.
        rows: a name and its cells; `None` is an empty cell, a sequence is a line for each of its texts.
        caption: a sentence under it.
        decimals: of numbers that are not whole; six significant digits by default.
        words: whether cells are texts to read, on several lines where they are long, in either writing direction.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str | float | Sequence[str] | None]]
    caption: str = ""
    decimals: int | None = None
    words: bool = False


@dataclass(frozen=True)
class Section:
    """A heading, and below it pictures and tables, or a sentence, or both."""

    title: str
    content: Sequence[Picture | Table] = ()
    text: str = ""

    @property
    def pictures(self) -> list[Picture]:
        """The pictures alone."""
        return [one for one in self.content if isinstance(one, Picture)]
