"""Corpora in text files: two aligned ones, or one with tab-separated columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from zoo.data.pairs.lines import cleaned, counted, numbered_lines
from zoo.data.source import Source
from zoo.data.table import listed
from zoo.data.text import Pair
from zoo.errors import ConfigError, DataError

Format = Literal["tsv", "jsonl"]
_JSON_LINES = (".jsonl", ".json", ".ndjson")


def format_of(source: Source) -> Format:
    """JSON lines by their extension; everything else is tab-separated."""
    return "jsonl" if source.suffix in _JSON_LINES else "tsv"


@dataclass(frozen=True)
class Columns:
    """Where the two texts of a pair stand.

    Args:
        source: name of the column or key, or its position counted from 0; None: 0, or "source" in JSON.
        target: the same; None: 1, or "target" in JSON.
        header: whether the first line of tab-separated text names the columns; None: when one is given by name.
    """

    source: str | int | None = None
    target: str | int | None = None
    header: bool | None = None

    @property
    def has_header(self) -> bool:
        """Whether the first line names the columns."""
        named = isinstance(self.source, str) or isinstance(self.target, str)
        return named if self.header is None else self.header


@dataclass
class Skipping:
    """What corpora from files have in common.

    Args:
        skip_empty: leave out pairs with an empty side instead of raising an error.
    """

    skip_empty: bool = False
    skipped: int = field(default=0, init=False)

    def usable(self, label: str, line: int, text: str, side: str) -> bool:
        """Whether a side says something; raise the DataError where it must."""
        if text:
            return True
        if self.skip_empty:
            self.skipped += 1
            return False
        raise DataError(
            label,
            line=line,
            problem=f"the {side} is empty",
            remedy="remove the pair, or leave all such pairs out with data.skip_empty=true",
        )


@dataclass
class Aligned(Skipping):
    """Two files; line n of one belongs to line n of the other.

    Args:
        source: the file of the sources.
        target: the file of the targets.
    """

    source: Source = field(kw_only=True)
    target: Source = field(kw_only=True)

    @property
    def label(self) -> str:
        """The file of the sources, which has the lines of the target's too."""
        return self.source.label

    def __iter__(self) -> Iterator[Pair]:
        """The pairs in order.

        Raises:
            DataError: an empty line, text that is not UTF-8, or files of unequal length.
        """
        self.skipped = 0
        sources, targets = numbered_lines(self.source), numbered_lines(self.target)
        line = 0
        for line, text in sources:
            _, other = next(targets, (0, None))
            if other is None:
                raise _unequal(self.source, line + sum(1 for _ in sources), self.target, line - 1)
            source, target = cleaned(text), cleaned(other)
            usable = self.usable(self.source.label, line, source, "line")
            if usable and self.usable(self.target.label, line, target, "line"):
                yield Pair(source, target, line)
        surplus = sum(1 for _ in targets)
        if surplus:
            raise _unequal(self.source, line, self.target, line + surplus)

    @property
    def parts(self) -> list[Any]:
        """The files and how they are read."""
        return ["aligned", self.skip_empty, part_of(self.source), part_of(self.target)]


def _unequal(source: Source, sources: int, target: Source, targets: int) -> DataError:
    return DataError(
        source.label,
        problem=f"has {counted(sources, 'line')}, and {target.label} has {targets:,}",
        remedy="line n of one must belong to line n of the other: look for a line that is missing, split or joined",
    )


@dataclass
class Tabbed(Skipping):
    """One file with tabs between its columns and no quotation marks.

    Args:
        source: the file.
        columns: where the texts stand.
    """

    source: Source = field(kw_only=True)
    columns: Columns = field(kw_only=True)

    @property
    def label(self) -> str:
        """The file."""
        return self.source.label

    def __iter__(self) -> Iterator[Pair]:
        """The pairs in order.

        Raises:
            DataError: a line with another number of columns, an empty text, text that is not UTF-8.
        """
        self.skipped = 0
        label = self.label
        for source, target, line in self.cells():
            assert target is not None
            if not source and not target:
                self.usable(label, line, "", "line")
            elif self.usable(label, line, source, "source") and self.usable(label, line, target, "target"):
                yield Pair(source, target, line)

    def cells(self, *, target_needed: bool = True) -> Iterator[tuple[str, str | None, int]]:
        """The two columns, cleaned, empty or not, and the line.

        Args:
            target_needed: whether a file without the column of the targets is an error; otherwise they are None.

        Raises:
            DataError: a line with another number of columns, text that is not UTF-8.
        """
        width = source_place = 0
        target_place: int | None = 1
        for line, text in numbered_lines(self.source):
            cells = text.split("\t")
            if line == 1:
                width = len(cells)
                source_place, target_place = self._places(cells, target_needed)
                if self.columns.has_header:
                    continue
            if len(cells) == width:
                target = None if target_place is None else cleaned(cells[target_place])
                yield cleaned(cells[source_place]), target, line
            elif text.strip():
                raise _wrong_width(self.label, line, len(cells), width)
            else:
                yield "", None if target_place is None else "", line

    def _places(self, cells: list[str], target_needed: bool) -> tuple[int, int | None]:
        """Positions of the two columns, from the first line."""
        source, target = self.columns.source, self.columns.target
        names = [cell.strip() for cell in cells] if self.columns.has_header else []
        target = 1 if target is None else target
        place = self._place("data.source_column", 0 if source is None else source, names, len(cells))
        absent = target not in names if isinstance(target, str) else target >= len(cells)
        if absent and not target_needed:
            return place, None
        other = self._place("data.target_column", target, names, len(cells))
        if place == other:
            raise ConfigError("data.target_column", f"column {other} is the source", "name another")
        return place, other

    def _place(self, key: str, column: str | int, names: list[str], width: int) -> int:
        if isinstance(column, str):
            if not names:
                raise ConfigError(key, f"{column!r} needs a first line with names", "leave out data.header=false")
            if names.count(column) != 1:
                problem = "no column" if column not in names else "several columns"
                raise DataError(
                    self.label,
                    line=1,
                    problem=f"{problem} named {column!r}",
                    remedy=f"set {key}; the file has {listed(map(_shortened, names), at_most=10)}",
                )
            return names.index(column)
        if not -width <= column < width:
            raise DataError(
                self.label,
                line=1,
                problem=f"{counted(width, 'column')}, and {key} is {column}",
                remedy="a line is source TAB target; columns are counted from 0",
            )
        return column % width

    @property
    def parts(self) -> list[Any]:
        """The file and how it is read."""
        return ["tsv", self.skip_empty, asdict(self.columns), part_of(self.source)]


def _wrong_width(label: str, line: int, width: int, expected: int) -> DataError:
    hint = " (source TAB target)" if expected == 2 else ""
    return DataError(
        label,
        line=line,
        problem=f"{counted(width, 'column')}, expected {expected}{hint}",
        remedy="check for a missing or stray TAB",
    )


def _shortened(name: str) -> str:
    return name if len(name) <= 30 else name[:29] + "…"


def part_of(source: Source) -> Any:
    """A source as something that a store can depend on."""
    if source.content is None:
        return source.path
    return hashlib.sha256(source.content).hexdigest()
