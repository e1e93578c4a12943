"""Corpora of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.data.pairs.files import Columns, Skipping, part_of
from zoo.data.pairs.lines import cleaned, numbered_lines
from zoo.data.source import Source
from zoo.data.table import listed
from zoo.data.text import Pair
from zoo.errors import ConfigError, DataError


@dataclass
class JSONLines(Skipping):
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
                self.usable(self.label, line, "", "line")
                continue
            record = json_object(self.label, line, text)
            source = cleaned(text_in(self.label, line, record, source_key))
            if not self.usable(self.label, line, source, "source"):
                continue
            right = record.get(target_key)
            several = [{**record, target_key: one} for one in right] if isinstance(right, list) and right else [record]
            for one in several:
                target = cleaned(text_in(self.label, line, one, target_key))
                if self.usable(self.label, line, target, "target"):
                    yield Pair(source, target, line)

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of source and target.

        Raises:
            ConfigError: a position instead of a key, or a header.
        """
        for key, column in (("source_column", self.columns.source), ("target_column", self.columns.target)):
            if isinstance(column, int):
                raise ConfigError(f"data.{key}", f"{column} is a position, and JSON has keys", "give the key")
        if self.columns.header is not None:
            raise ConfigError("data.header", f"is for tab-separated text, and {self.label} is JSON", "leave it out")
        return str(self.columns.source or "source"), str(self.columns.target or "target")

    @property
    def parts(self) -> list[Any]:
        """The file and how it is read."""
        return ["jsonl", self.skip_empty, asdict(self.columns), part_of(self.source)]


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
        DataError: there is none, or half of a surrogate pair in it, which is no character.
    """
    if key not in record:
        has = listed([str(name) for name in record], at_most=10) if record else "nothing"
        raise DataError(label, line=line, problem=f"has no {key!r}", remedy=f"it has {has}")
    value = record[key]
    if not isinstance(value, str):
        raise DataError(label, line=line, problem=f"{key!r} is {json.dumps(value)[:60]}, no text", remedy="quote it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError(
            label, line=line, problem=f"{key!r} has half of a surrogate pair", remedy="write the whole character"
        ) from None
    return value
