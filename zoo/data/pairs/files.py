"""Corpora in files: two aligned files, tab-separated columns, or JSON lines; any of them with .gz."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from zoo.data.pairs.lines import cleaned, numbered_lines
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
class _Skipping:
    """What corpora from files have in common.

    Args:
        skip_empty: leave out pairs with an empty side instead of raising an error.
    """

    skip_empty: bool = False
    skipped: int = field(default=0, init=False)

    def _usable(self, label: str, line: int, text: str, side: str) -> bool:
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
class Aligned(_Skipping):
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
                raise _unequal(self.target, line - 1, self.source, line + sum(1 for _ in sources))
            source, target = cleaned(text), cleaned(other)
            usable = self._usable(self.source.label, line, source, "line")
            if usable and self._usable(self.target.label, line, target, "line"):
                yield Pair(source, target, line)
        surplus = sum(1 for _ in targets)
        if surplus:
            raise _unequal(self.source, line, self.target, line + surplus)

    @property
    def parts(self) -> list[Any]:
        """The files and how they are read."""
        return ["aligned", self.skip_empty, _part(self.source), _part(self.target)]


def _unequal(short: Source, lines: int, long: Source, expected: int) -> DataError:
    return DataError(
        short.label,
        line=lines,
        problem=f"ends here, and {long.label} has {expected} lines",
        remedy="the two files must have the same number of lines, line n of one belonging to line n of the other",
    )


@dataclass
class Tabbed(_Skipping):
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
            if self._usable(label, line, source, "source") and self._usable(label, line, target, "target"):
                yield Pair(source, target, line)

    def cells(self) -> Iterator[Pair]:
        """The two columns, cleaned, empty or not.

        Raises:
            DataError: a line with another number of columns, text that is not UTF-8.
        """
        width, places = 0, (0, 1)
        for line, text in numbered_lines(self.source):
            cells = text.split("\t")
            if line == 1:
                width = len(cells)
                places = self._places(cells)
                if self.columns.has_header:
                    continue
            if len(cells) == width:
                yield Pair(cleaned(cells[places[0]]), cleaned(cells[places[1]]), line)
            elif text.strip():
                raise _wrong_width(self.label, line, len(cells), width)
            else:
                yield Pair("", "", line)

    def _places(self, cells: list[str]) -> tuple[int, int]:
        """Positions of the two columns, from the first line."""
        source, target = self.columns.source, self.columns.target
        names = [cell.strip() for cell in cells] if self.columns.has_header else []
        places = (
            self._place("data.source_column", 0 if source is None else source, names, len(cells)),
            self._place("data.target_column", 1 if target is None else target, names, len(cells)),
        )
        if places[0] == places[1]:
            raise ConfigError("data.target_column", f"column {places[1]} is the source", "name another")
        return places

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
                    remedy=f"set {key}; the file has {listed(names, at_most=10)}",
                )
            return names.index(column)
        if not -width <= column < width:
            plural = "" if width == 1 else "s"
            raise DataError(
                self.label,
                line=1,
                problem=f"{width} column{plural}, and {key} is {column}",
                remedy="a line is source TAB target; columns are counted from 0",
            )
        return column % width

    @property
    def parts(self) -> list[Any]:
        """The file and how it is read."""
        return ["tsv", self.skip_empty, asdict(self.columns), _part(self.source)]


def _wrong_width(label: str, line: int, width: int, expected: int) -> DataError:
    plural = "" if width == 1 else "s"
    hint = " (source TAB target)" if expected == 2 else ""
    return DataError(
        label,
        line=line,
        problem=f"{width} column{plural}, expected {expected}{hint}",
        remedy="check for a missing or stray TAB",
    )


@dataclass
class JSONLines(_Skipping):
    """One JSON object a line. A target may be a list of right answers.

    Args:
        source: the file.
        columns: the keys of the texts.
    """

    source: Source = field(kw_only=True)
    columns: Columns = field(kw_only=True)

    @property
    def label(self) -> str:
        """The file."""
        return self.source.label

    def __iter__(self) -> Iterator[Pair]:
        """The pairs in order; several of one line where it has several right answers.

        Raises:
            DataError: a line that is no JSON object, a missing key, a value that is no text, an empty text.
        """
        self.skipped = 0
        source_key, target_key = self.keys
        for line, text in numbered_lines(self.source):
            if not text.strip():
                self._usable(self.label, line, "", "line")
                continue
            record = json_object(self.label, line, text)
            source = cleaned(text_in(self.label, line, record, source_key))
            if not self._usable(self.label, line, source, "source"):
                continue
            right = record.get(target_key)
            answers = right if isinstance(right, list) and right else [right]
            for answer in answers:
                target = cleaned(text_in(self.label, line, {**record, target_key: answer}, target_key))
                if self._usable(self.label, line, target, "target"):
                    yield Pair(source, target, line)

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of source and target.

        Raises:
            ConfigError: a position instead of a key.
        """
        for key, column in (("source_column", self.columns.source), ("target_column", self.columns.target)):
            if isinstance(column, int):
                raise ConfigError(f"data.{key}", f"{column} is a position, and JSON has keys", "give the key")
        return str(self.columns.source or "source"), str(self.columns.target or "target")

    @property
    def parts(self) -> list[Any]:
        """The file and how it is read."""
        return ["jsonl", self.skip_empty, asdict(self.columns), _part(self.source)]


def json_object(label: str, line: int, text: str) -> dict[str, Any]:
    """A line as a JSON object.

    Raises:
        DataError: it is none.
    """
    try:
        record = json.loads(text)
    except ValueError as error:
        raise DataError(label, line=line, problem=f"is not JSON: {error}", remedy="write one object a line") from None
    if not isinstance(record, dict):
        raise DataError(label, line=line, problem="is no JSON object", remedy='write {"source": ..., "target": ...}')
    return record


def text_in(label: str, line: int | None, record: dict[str, Any], key: str) -> str:
    """The text that a record has under a key.

    Raises:
        DataError: there is none.
    """
    if key not in record:
        has = listed([str(name) for name in record], at_most=10) if record else "nothing"
        raise DataError(label, line=line, problem=f"has no {key!r}", remedy=f"it has {has}")
    value = record[key]
    if not isinstance(value, str):
        raise DataError(label, line=line, problem=f"{key!r} is {json.dumps(value)[:60]}, no text", remedy="quote it")
    return value


def _part(source: Source) -> Any:
    """A source as something that a store can depend on."""
    if source.content is None:
        return source.path
    return hashlib.sha256(source.content).hexdigest()
