"""CSV, TSV and Parquet files as tables, with every fault named by its line."""

from __future__ import annotations

import csv
import io
import itertools
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from zoo.data.source import Source, find_source, unreadable
from zoo.data.table import Column, Table, listed
from zoo.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_DELIMITERS = ",;\t|"
_NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "empty")  # pandas' names for objects
_SPELLED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}


@dataclass(frozen=True)
class Format:
    """How a text file is laid out.

    Args:
        delimiter: what stands between columns; None: a tab for .tsv, else the commonest of , ; tab | in the
            first line.
        header: whether the first line names the columns; else they are named "0", "1", ...
        decimal: the decimal sign.
        missing: texts that mean a missing value, beside empty cells, NA, NaN, null and None.
    """

    delimiter: str | None = None
    header: bool = True
    decimal: str = "."
    missing: Sequence[str] = ()

    @property
    def separator(self) -> str:
        """The delimiter as a character, where it is spelled as a word; "" where none is given."""
        return _SPELLED.get(self.delimiter or "", self.delimiter or "")


def read_table(
    source: str | Path | TextIO,
    form: Format,
    as_text: Collection[str] = (),
    layouts: Sequence[Sequence[str]] = (),
) -> Table:
    """Read a file or stream.

    Args:
        source: a path (.csv, .tsv, .txt ..., these with .gz, .parquet), "-" or a text stream.
        form: layout of a text file.
        as_text: columns whose cells are kept as they are written.
        layouts: what the columns of a text file without a header may be; the first with their number is taken.

    Raises:
        DataError: whatever is wrong with it, in one line.
    """
    found = find_source(source)
    if found.suffix in (".parquet", ".pq"):
        return _read_parquet(found)
    try:
        return _read_text(found, form, as_text, layouts)
    except UnicodeDecodeError:
        raise _not_utf8(found) from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(found.label, error) from None
    except csv.Error as error:
        raise DataError(found.label, problem=f"cannot be read as a table: {error}") from None


def _read_text(source: Source, form: Format, as_text: Collection[str], layouts: Sequence[Sequence[str]]) -> Table:
    import pandas as pd

    delimiter = form.separator or _sniffed(source)
    first, second = itertools.islice(itertools.chain(_records(source, delimiter), (None, None)), 2)
    if first is None:
        raise DataError(source.label, problem="is empty")
    names = _unique_names(source, first[1]) if form.header else _names_by(source, len(first[1]), layouts)
    skipped = int(form.header)
    try:
        with source.open() as stream:
            frame = pd.read_csv(
                stream,
                sep=delimiter,
                header=0 if form.header else None,
                names=names,
                dtype={name: str for name in names if name in as_text},
                na_values=list(form.missing),
                decimal=form.decimal,
                skipinitialspace=True,
                low_memory=False,
                encoding="utf-8-sig",
            )
    except pd.errors.ParserError as error:
        raise _malformed(source, delimiter, str(error)) from None
    # pandas fills short rows up with missing values and takes a surplus first column for an index.
    if (second and len(second[1]) > len(first[1])) or frame.iloc[:, -1].isna().any():
        _check_widths(source, delimiter)
    if frame.empty:
        raise DataError(source.label, problem="has a header and no rows" if form.header else "has no rows")

    def line(row: int) -> int:
        return next(itertools.islice(_records(source, delimiter), row + skipped, None))[0]

    notes = []
    unnamed = [name for name, written in zip(names, first[1], strict=True) if not written.strip()]
    if form.header and unnamed:
        notes.append(f"left out for want of a name: {', '.join(unnamed)}")
        names = [name for name in names if name not in unnamed]
    return Table(source.label, tuple(names), len(frame), lambda name: _column(frame[name]), line, form.decimal, notes)


def _read_parquet(source: Source) -> Table:
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            source.label,
            problem="reading Parquet needs pyarrow",
            remedy="pip install 'attention-zoo[parquet]'",
        ) from None
    import pandas as pd

    try:
        with source.open() as stream:
            frame = pd.read_parquet(stream, engine="pyarrow").reset_index(drop=True)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(source.label, problem=f"cannot be read as Parquet: {reason}") from None
    names = [str(name) for name in frame.columns]
    _refuse_duplicates(source, names)
    frame.columns = pd.Index(names)
    if frame.empty:
        raise DataError(source.label, problem="has no rows")
    return Table(source.label, tuple(names), len(frame), lambda name: _column(frame[name]))


def _column(series: pd.Series[Any]) -> Column:
    """A pandas column as one of ours."""
    import pandas as pd

    kinds = pd.api.types
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    inferred = kinds.infer_dtype(series, skipna=True) if kinds.is_object_dtype(series) else ""
    if kinds.is_bool_dtype(series) or inferred == "boolean":
        # The steps over "boolean" turn None, NA and NaN alike into NaN.
        return Column("boolean", series.astype("boolean").astype("Float64").to_numpy(np.float64, na_value=np.nan))
    if inferred in _NUMBERS or (kinds.is_numeric_dtype(series) and not kinds.is_complex_dtype(series)):
        return Column("number", series.astype("Float64").to_numpy(np.float64, na_value=np.nan))
    if kinds.is_string_dtype(series) and inferred in ("", "string"):
        codes, texts = pd.factorize(series.str.strip())
        return Column("text", codes, tuple(str(text) for text in texts))
    dates = kinds.is_datetime64_any_dtype(series) or inferred in ("date", "datetime", "datetime64")
    return Column("date" if dates else "other", np.empty(0))


def _sniffed(source: Source) -> str:
    """The delimiter that the extension or the first line shows."""
    if source.suffix in (".tsv", ".tab"):
        return "\t"
    with source.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as lines:
        first = next((line for line in lines if line.strip()), "")
    quoted = list(itertools.accumulate(first, lambda inside, c: inside != (c == '"'), initial=False))
    counts = Counter(c for c, inside in zip(first, quoted, strict=False) if not inside)
    return max(_DELIMITERS, key=lambda delimiter: counts[delimiter])


def _records(source: Source, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records that are not blank, each with the line on which it begins, counted from 1."""
    with source.open() as stream, io.TextIOWrapper(stream, "utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        start = 1
        for record in reader:
            if len(record) > 1 or (record and record[0].strip()):
                yield start, record
            start = reader.line_num + 1


def _unique_names(source: Source, header: list[str]) -> list[str]:
    """Names of the columns; a column without one is called by its number, which starts at 1."""
    names = [name.strip() for name in header]
    _refuse_duplicates(source, [name for name in names if name])
    return [name or f"column {number}" for number, name in enumerate(names, start=1)]


def _names_by(source: Source, width: int, layouts: Sequence[Sequence[str]]) -> list[str]:
    """Names of so many columns without a header."""
    if not layouts:
        return [str(number) for number in range(width)]
    for layout in layouts:
        if len(layout) == width:
            return list(layout)
    widths = " or ".join(str(number) for number in sorted({len(layout) for layout in layouts}, reverse=True))
    raise DataError(
        source.label, problem=f"{width} columns, expected {widths}", remedy="give the columns of the training file"
    )


def _refuse_duplicates(source: Source, names: list[str]) -> None:
    double = [name for name, count in Counter(names).items() if count > 1]
    if double:
        raise DataError(
            source.label,
            problem=f"several columns are named {listed(double, at_most=5)}",
            remedy="rename them, or set data.header=false if the first line is data",
        )


def _check_widths(source: Source, delimiter: str) -> None:
    """Raise the DataError for the first record that is longer or shorter than the first."""
    records = _records(source, delimiter)
    _, first = next(records)
    for line, record in records:
        if len(record) != len(first):
            raise DataError(
                source.label,
                line=line,
                problem=f"{len(record)} columns, expected {len(first)}",
                remedy=f"check for a stray {_shown(delimiter)} or a quotation mark",
            )


def _malformed(source: Source, delimiter: str, reason: str) -> DataError:
    """The error for what pandas cannot split into records."""
    if "inside string" in reason:
        line = 1
        for line, _ in _records(source, delimiter):  # noqa: B007 - the last record swallows the rest
            pass
        return DataError(
            source.label, line=line, problem="a quotation mark is never closed", remedy="close or remove it"
        )
    _check_widths(source, delimiter)
    return DataError(source.label, problem=f"cannot be read as a table: {reason}")


def _not_utf8(source: Source) -> DataError:
    """The error for text in another encoding, with its first line."""
    number = None
    with source.open() as stream:
        for count, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                number = count
                break
    return DataError(
        source.label,
        line=number,
        problem="is not UTF-8 text",
        remedy="save the file as UTF-8 (iconv -t UTF-8)",
    )


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else repr(delimiter)


def one_column_only(table: Table, form: Format) -> DataError:
    """The error for a table that was split by the wrong delimiter."""
    by = "" if form.delimiter is None else f" with delimiter {_shown(form.separator)}"
    return table.error(
        f"only one column found{by}, {table.names[0]!r}", "set data.delimiter to what stands between columns"
    )
