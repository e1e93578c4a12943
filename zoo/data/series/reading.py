"""Series from a CSV file: a row each, or a row for each value."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from zoo.data.source import Source, find_source
from zoo.errors import DataError

Values = NDArray[np.float64]

SERIES = ("series", "unique_id", "id", "item_id", "series_id")
TIMES = ("time", "ds", "date", "datetime", "timestamp", "t")
VALUES = ("value", "y", "target", "values")
_MISSING = ("", "na", "nan", "null", "none")


@dataclass
class Found:
    """Series as they stand in a file.

    Attributes:
        label: what errors call the file.
        names: of the series.
        values: of each, oldest first.
        lines: on which each begins.
        notes: what a user should hear about the reading.
    """

    label: str
    names: list[str]
    values: list[Values]
    lines: list[int]
    notes: list[str] = field(default_factory=list)


def read_series(path: str | Path | TextIO) -> Found:
    """Read a file.

    Long files have a header with a column of a usual name for values (`value`, `y`), perhaps one for times (`time`,
    `ds`) and one for names of series (`series`, `unique_id`). All others are wide, as those of the M4 competition: a
    series in each row, its name and then its values, short ones filled up with empty cells; a header or none. Values
    are taken to be equally far apart: a time that is left out is told, and nothing stands in its place.

    Args:
        path: .csv or .tsv, also with .gz; "-" or an open text stream.

    Raises:
        DataError: text in place of a number, a gap within a series, times that do not grow; says the line.
    """
    source = find_source(path)
    rows = _rows(source)
    first = next(rows, None)
    if first is None:
        raise DataError(source.label, problem="is empty")
    line, header = first
    names = [cell.strip().lower() for cell in header]
    words = not any(_number(cell) is not None for cell in header)
    value = next((names.index(one) for one in VALUES if words and one in names), None)
    found = Found(source.label, [], [], [])
    if value is not None and len(set(names)) == len(names):
        _read_long(found, rows, names, value)
    elif words and value is None and any(one in TIMES for one in names):
        problem = f"a column of times, and none of values among {', '.join(header)}"
        raise DataError(source.label, line=line, problem=problem, remedy="call that of the values `value`")
    else:
        _read_wide(found, rows if _is_header(header) else _with_first(line, header, rows))
    if not found.names:
        raise DataError(source.label, problem="has no series")
    return found


def _rows(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Rows with something in them, and their lines."""
    import io

    try:
        with source.open() as stream:
            text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
            sample = text.readline()
            delimiter = max(",;\t", key=sample.count)
            reader = csv.reader(_chained(sample, text), delimiter=delimiter)
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield reader.line_num, row
    except UnicodeDecodeError:
        raise DataError(source.label, problem="is not UTF-8 text", remedy="save it as UTF-8") from None
    except (csv.Error, OSError, EOFError) as error:
        raise DataError(source.label, problem=f"cannot be read: {error}") from None


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _with_first(line: int, row: list[str], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield line, row
    yield from rest


def _is_header(row: list[str]) -> bool:
    """Whether the first cell is no name of a series, or no other cell is a number."""
    return row[0].strip().lower() in ("", *SERIES) or not any(_number(cell) is not None for cell in row[1:])


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _value(found: Found, line: int, name: str, cell: str) -> float:
    number = _number(cell)
    if number is None:
        what = "a value is missing" if cell.strip().lower() in _MISSING else f"{cell!r} is not a number"
        raise DataError(found.label, line=line, problem=f"series {name!r}: {what}", remedy="fill or correct it")
    return number


def _read_wide(found: Found, rows: Iterator[tuple[int, list[str]]]) -> None:
    taken = set()
    for line, row in rows:
        name, cells = row[0].strip(), [cell.strip() for cell in row[1:]]
        while cells and cells[-1].lower() in _MISSING:
            cells.pop()
        if not cells:
            raise DataError(found.label, line=line, problem=f"series {name!r} has no values", remedy="remove the line")
        if name in taken:
            raise DataError(found.label, line=line, problem=f"a second series {name!r}", remedy="give it another name")
        taken.add(name)
        found.names.append(name)
        found.lines.append(line)
        found.values.append(np.array([_value(found, line, name, cell) for cell in cells]))


def _read_long(found: Found, rows: Iterator[tuple[int, list[str]]], names: list[str], value: int) -> None:
    name_at = next((names.index(one) for one in SERIES if one in names), None)
    time_at = next((names.index(one) for one in TIMES if one in names), None)
    collected: dict[str, list[float]] = {}
    times: dict[str, list[tuple[float, int]]] = {}
    for line, row in rows:
        if len(row) != len(names):
            problem = f"{len(row)} columns, the header has {len(names)}"
            raise DataError(found.label, line=line, problem=problem, remedy="correct the line")
        name = row[name_at].strip() if name_at is not None else "series"
        if name not in collected:
            collected[name] = []
            found.lines.append(line)
        if time_at is not None:
            moment = _moment(found, line, name, row[time_at])
            known = times.setdefault(name, [])
            if known and moment <= known[-1][0]:
                what = "twice" if moment == known[-1][0] else "after a later one"
                problem = f"series {name!r}: time {row[time_at]!r} stands {what}"
                raise DataError(found.label, line=line, problem=problem, remedy="sort the rows, one for each time")
            known.append((moment, line))
        collected[name].append(_value(found, line, name, row[value]))
    found.names += collected
    found.values += [np.array(one) for one in collected.values()]
    found.notes += _gaps(found.label, times)


def _gaps(label: str, times: dict[str, list[tuple[float, int]]]) -> list[str]:
    """A sentence on steps of time that are longer than is usual in their series, months of any length apart."""
    count, first = 0, ""
    for name, known in times.items():
        steps = np.diff([moment for moment, _ in known])
        longer = steps > 1.5 * np.median(steps) if len(steps) else steps > 0
        if longer.any() and not count:
            first = f"line {known[int(longer.argmax()) + 1][1]}, series {name!r}"
        count += int(longer.sum())
    if not count:
        return []
    return [f"{label}: times are left out in {count:,} places, first before {first}; values there count as neighbours"]


def _moment(found: Found, line: int, name: str, cell: str) -> float:
    number = _number(cell)
    if number is not None:
        return number
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError:
        problem = f"series {name!r}: {cell!r} is no time"
        remedy = "write numbers, or 2024-01-31 or 2024-01-31 12:00"
        raise DataError(found.label, line=line, problem=problem, remedy=remedy) from None
    # Times without a zone are compared as they are written, whatever the clocks do where this runs.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
