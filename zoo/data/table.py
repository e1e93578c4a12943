"""A table in memory: named columns, and where each row came from."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.errors import DataError

Floats = NDArray[np.float64]
Codes = NDArray[np.integer[Any]]
Kind = Literal["number", "boolean", "text", "date", "other"]

_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY, _TIME = r"(0?[1-9]|[12]\d|3[01])", r"([T ].*)?"
_DATE = re.compile(
    rf"(1\d|20)\d\d(?P<y>[-/.])(0?[1-9]|1[0-2])((?P=y){_DAY}{_TIME})?"  # 2020-01-31, 2020/01/31 12:30, 2020-01
    rf"|{_DAY}(?P<d>[-/.]){_DAY}(?P=d)(1\d|20)\d\d{_TIME}"  # 31.01.2020, 01/31/2020
    rf"|{_DAY}/{_DAY}/\d\d{_TIME}"  # 1/31/20
    rf"|([a-z]+,? )?{_DAY}[ -]{_MONTH},?[ -]\d{{2,4}}{_TIME}"  # 31 Jan 2020
    rf"|([a-z]+,? )?{_MONTH} {_DAY}(st|nd|rd|th)?,? \d{{4}}{_TIME}",  # Jan 31, 2020
    re.IGNORECASE,
)
_WHOLE = re.compile(r"([+-]?\d+)\.0+")


@dataclass(frozen=True)
class Column:
    """One column of N rows.

    Args:
        kind: what the cells are.
        values: numbers and booleans, float64 (N,), NaN where missing; or indices into `texts`, int (N,),
            -1 where missing. Empty for "date" and "other", which nothing can be made of.
        texts: the distinct texts.
    """

    kind: Kind
    values: NDArray[Any]
    texts: tuple[str, ...] = ()

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows have no value, (N,)."""
        return self.values < 0 if self.kind == "text" else np.isnan(self.values)


@dataclass(frozen=True)
class Table:
    """Columns that are converted when asked for.

    Args:
        label: what errors call it: the file as the user gave it, or the name of the data set.
        names: the columns' names, in order.
        rows: number of rows.
        get: the column of a name.
        line: line of the file on which a row (counted from 0) begins; None where there are no lines.
        decimal: the decimal sign of numbers in text.
        notes: what a user should hear about the reading.
    """

    label: str
    names: tuple[str, ...]
    rows: int
    get: Callable[[str], Column]
    line: Callable[[int], int] | None = None
    decimal: str = "."
    notes: list[str] = field(default_factory=list)

    def error(self, problem: str, remedy: str = "", *, row: int | None = None, column: str | None = None) -> DataError:
        """A DataError about this table, with the line of the file where there is one."""
        if row is not None and self.line is None:
            return DataError(self.label, problem=f"row {row + 1}: {problem}", remedy=remedy, column=column)
        line = None if row is None or self.line is None else self.line(row)
        return DataError(self.label, problem=problem, remedy=remedy, line=line, column=column)

    def resolve(self, reference: str | int, option: str) -> str:
        """The column meant by a name, or by a position counted from 0 (negative: from the end).

        Raises:
            DataError: there is none; names the nearest.
        """
        if str(reference) in self.names:
            return str(reference)
        if isinstance(reference, int) and -len(self.names) <= reference < len(self.names):
            return self.names[reference]
        wanted = str(reference)
        near = [name for name in self.names if name.lower() == wanted.lower()]
        near += difflib.get_close_matches(wanted, self.names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"it has {listed(self.names, at_most=20)}"
        raise self.error(f"there is no column {wanted!r} ({option})", remedy)


def listed(names: Iterable[str], at_most: int | None = None) -> str:
    """Names in quotation marks: `'a', 'b' and 3 more`."""
    quoted = [repr(name) for name in names]
    if at_most is None or len(quoted) <= at_most:
        return ", ".join(quoted)
    return ", ".join(quoted[:at_most]) + f" and {len(quoted) - at_most} more"


def number_in(text: str, decimal: str = ".") -> float | None:
    """The number that a text is, or None.

    >>> number_in(" 1.5"), number_in("abc"), number_in("1,5", decimal=",")
    (1.5, None, 1.5)
    """
    if "_" in text:
        return None
    try:
        number = float(text.replace(decimal, ".") if decimal != "." else text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def text_of(number: float) -> str:
    """A number as a name: whole numbers without a point.

    >>> text_of(2.0), text_of(2.5)
    ('2', '2.5')
    """
    return str(int(number)) if number.is_integer() and abs(number) < 1e16 else repr(number)


def natural_order(names: Iterable[str]) -> list[str]:
    """Numbers by value, then texts by their characters.

    >>> natural_order(["10", "b", "2", "a"])
    ['2', '10', 'a', 'b']
    """

    def key(name: str) -> tuple[bool, float, str]:
        number = number_in(name)
        return (True, 0.0, name) if number is None else (False, number, name)

    return sorted(names, key=key)


def meant_as_numbers(column: Column, decimal: str) -> bool:
    """Whether at least half of the distinct texts are numbers."""
    numbers = sum(number_in(text, decimal) is not None for text in column.texts)
    return numbers > 0 and 2 * numbers >= len(column.texts)


def looks_like_dates(column: Column) -> bool:
    """Whether it holds dates, or at least half of its distinct texts look like one."""
    if column.kind != "text":
        return column.kind == "date"
    dates = sum(_DATE.fullmatch(text) is not None for text in column.texts)
    return dates > 0 and 2 * dates >= len(column.texts)


def refuse_dates(table: Table, name: str, column: Column) -> None:
    """Raise the DataError for a column of dates, or of values that are neither numbers nor texts."""
    if looks_like_dates(column):
        example = f" ({column.texts[0]!r})" if column.texts else ""
        raise table.error(
            f"dates{example} are not read as features or targets",
            "put a number in their place, such as the year or the days since a fixed day, "
            "or leave the column out through data.features",
            column=name,
        )
    if column.kind == "other":
        raise table.error(
            "values are neither numbers nor texts", "leave the column out through data.features", column=name
        )


def as_numbers(table: Table, name: str, *, boolean: bool = False, remedy: str = "") -> Floats:
    """A column as numbers.

    Args:
        table: where it is.
        name: which.
        boolean: read the texts true and false as 1 and 0.
        remedy: what to do about a text that is no number.

    Returns:
        float64 (N,), NaN where missing.

    Raises:
        DataError: a text that is no number, or an infinite value; names the line.
    """
    column = table.get(name)
    if column.kind in ("date", "other"):
        refuse_dates(table, name, column)
    values: Floats = column.values
    if column.kind == "text":
        numbers = [number_in(text, table.decimal) for text in column.texts]
        if boolean:
            truth = {"true": 1.0, "false": 0.0}
            numbers = [truth.get(text.lower(), n) for text, n in zip(column.texts, numbers, strict=True)]
        wrong = np.array([number is None for number in numbers] + [False])[column.values]
        if wrong.any():
            row = int(wrong.argmax())
            text = column.texts[column.values[row]]
            if table.decimal == "." and number_in(text, ",") is not None:
                remedy = "if the comma is the decimal sign set data.decimal=','"
            raise table.error(f"{text!r} is not a number", remedy, row=row, column=name)
        values = np.array([*numbers, math.nan], dtype=np.float64)[column.values]
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise table.error("infinite value", "correct it or leave it empty", row=row, column=name)
    return values


def as_texts(column: Column) -> tuple[Codes, tuple[str, ...]]:
    """A column as names: whole numbers without a point, booleans as False and True.

    Returns:
        Indices into the names, int (N,), -1 where missing; and the names, each once.
    """
    if column.kind == "text":
        names = [_WHOLE.sub(r"\1", text) if _WHOLE.fullmatch(text) else text for text in column.texts]
        codes = column.values
    else:
        present, inverse = np.unique(column.values, return_inverse=True)  # a NaN, one only, comes last
        count = len(present) - int(len(present) > 0 and np.isnan(present[-1]))
        codes = np.where(inverse < count, inverse, -1)
        numbers = present[:count].tolist()
        names = [str(bool(n)) if column.kind == "boolean" else text_of(n) for n in numbers]
    distinct = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.array([distinct[name] for name in names] + [-1], dtype=np.int64)[codes], tuple(distinct)
