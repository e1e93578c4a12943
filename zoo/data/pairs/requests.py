"""What a trained model is asked: sources, and whatever else a user says of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from zoo.data.pairs.files import Columns, Tabbed, format_of
from zoo.data.pairs.json_lines import json_object, text_in
from zoo.data.pairs.lines import cleaned, numbered_lines
from zoo.data.source import Source
from zoo.data.table import listed
from zoo.data.text import UNKNOWN
from zoo.errors import DataError


@dataclass(frozen=True)
class Request:
    """One row to predict for. Its source may be empty: every row of the input is a row of the output.

    Args:
        source: cleaned text.
        target: cleaned text, for scoring; None where the row has none.
        prefix: what the output shall begin with.
        must: phrases that it shall contain.
        must_not: phrases that it shall not contain.
        line: where it stands; None for a record in memory.
    """

    source: str
    target: str | None = None
    prefix: str = ""
    must: list[str] = field(default_factory=list)
    must_not: list[str] = field(default_factory=list)
    line: int | None = None


def read_requests(source: Source, columns: Columns, notes: list[str]) -> list[Request]:
    """Rows of a file: a source a line; JSON lines; or tab-separated columns, the target among them or not.

    JSON and tabs are known by the extension (.jsonl, .json, .ndjson; .tsv, .tab), of other files and of streams by
    the first line that is not blank.

    Args:
        source: UTF-8 text.
        columns: where the texts stood in training; the same are looked for here.
        notes: gets what the user should know.

    Raises:
        DataError: whatever is wrong, with its line.
    """
    kind = _kind_of(source)
    if kind == "jsonl":
        lines = ((line, text) for line, text in numbered_lines(source) if text.strip())
        rows = [(line, json_object(source.label, line, text)) for line, text in lines]
        return _from_rows(source.label, rows, _keys(columns), notes)
    if kind == "tsv":
        return list(_from_columns(source, columns))
    return [Request(cleaned(text), line=line) for line, text in numbered_lines(source)]


def requests_from(records: Sequence[Mapping[str, Any]], columns: Columns, notes: list[str]) -> list[Request]:
    """Rows that are in memory, with the keys of JSON lines.

    Raises:
        DataError: a record without a source, or a value that is no text.
    """
    rows = [(None, {str(key): value for key, value in record.items()}) for record in records]
    return _from_rows("the records", rows, _keys(columns), notes)


def constraints_of(
    rows: Sequence[Request], encode: Callable[[str], list[int]], must: Sequence[str], must_not: Sequence[str]
) -> dict[str, list[Any]]:
    """What a search must heed, as its arguments `prefixes`, `must` and `must_not`.

    Args:
        rows: of the batch.
        encode: a target text as ids.
        must: phrases for every row, beside its own.
        must_not: the same.

    Raises:
        DataError: a phrase that must appear has tokens that are not in the vocabulary.
    """
    found: dict[str, list[Any]] = {}
    if any(row.prefix for row in rows):
        found["prefixes"] = [encode(row.prefix) for row in rows]
    if must or any(row.must for row in rows):
        found["must"] = [[_phrase(one, encode) for one in (*must, *row.must)] for row in rows]
    if must_not or any(row.must_not for row in rows):
        never = [[encode(one) for one in (*must_not, *row.must_not)] for row in rows]
        found["must_not"] = [[phrase for phrase in phrases if UNKNOWN not in phrase] for phrases in never]
    return found


def check_phrases(rows: Sequence[Request], encode: Callable[[str], list[int]], label: str) -> None:
    """Raise the DataError for phrases that cannot appear, where their line is known."""
    for row in rows:
        for phrase in row.must:
            _phrase(phrase, encode, label, row.line)


def _phrase(
    text: str, encode: Callable[[str], list[int]], label: str = "decode.must", line: int | None = None
) -> list[int]:
    ids = encode(text)
    if not ids or UNKNOWN in ids:
        raise DataError(
            label,
            line=line,
            problem=f"{text!r} cannot appear: the target vocabulary has no tokens for it",
            remedy="ask for other words",
        )
    return ids


def _kind_of(source: Source) -> str:
    if source.suffix in (".tsv", ".tab") or format_of(source) == "jsonl":
        return format_of(source)
    first = next((text for _, text in numbered_lines(source) if text.strip()), "")
    if first.lstrip().startswith("{") and first.rstrip().endswith("}"):
        return "jsonl"
    return "tsv" if "\t" in first else "plain"


def _keys(columns: Columns) -> tuple[str, str]:
    """The keys of source and target in training, where they had names, and the usual ones otherwise."""
    source, target = columns.source, columns.target
    return (source if isinstance(source, str) else "source", target if isinstance(target, str) else "target")


def _from_rows(
    label: str, rows: Sequence[tuple[int | None, dict[str, Any]]], keys: tuple[str, str], notes: list[str]
) -> list[Request]:
    found, unread = [], dict[str, None]()
    for line, row in rows:
        source_key = keys[0] if keys[0] in row else "source"
        target_key = keys[1] if keys[1] in row else "target"
        known = (source_key, target_key, "prefix", "must", "must_not")
        unread.update(dict.fromkeys(key for key in row if key not in known))
        right = row.get(target_key)
        if isinstance(right, list) and right:  # of several right answers, the first
            row = {**row, target_key: right[0]}
        request = Request(
            cleaned(text_in(label, line, row, source_key)),
            None if right is None else cleaned(text_in(label, line, row, target_key)),
            cleaned(text_in(label, line, {"prefix": "", **row}, "prefix")),
            _phrases(label, line, row, "must"),
            _phrases(label, line, row, "must_not"),
            line,
        )
        found.append(request)
    if unread:
        notes.append(f"{label}: not read: {listed(unread, at_most=10)}")
    return found


def _phrases(label: str, line: int | None, row: dict[str, Any], key: str) -> list[str]:
    """A text or a list of texts."""
    value = row.get(key, [])
    values = value if isinstance(value, list) else [value]
    phrases = [cleaned(text_in(label, line, {key: one}, key)) for one in values]
    if "" in phrases:
        raise DataError(label, line=line, problem=f"{key!r} has an empty text", remedy="leave it out")
    return phrases


def _from_columns(source: Source, columns: Columns) -> Iterator[Request]:
    """Rows of tab-separated text; a single column holds sources."""
    lines = numbered_lines(source)
    first = next(lines, (1, ""))
    width = first[1].count("\t") + 1
    if width == 1:
        has_name = columns.has_header and first[1].strip() == columns.source
        for line, text in lines if has_name else chain([first], lines):
            if "\t" in text:
                raise DataError(source.label, line=line, problem="has a TAB, and the first line has none")
            yield Request(cleaned(text), line=line)
        return
    for source_text, target, line in Tabbed(source=source, columns=columns).cells(target_needed=False):
        yield Request(source_text, target, line=line)
