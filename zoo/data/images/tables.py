"""Pictures listed in a table: their paths, the names of their classes, and perhaps their splits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.data.images.folders import Labelled
from zoo.data.reading import Format, read_table
from zoo.data.splits import split_by_column
from zoo.data.table import Table, as_texts, listed

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "image", "image_path")
LABEL_COLUMNS = ("label", "class", "class_name", "target", "category")

#: Extensions of tables.
TABLES = (".csv", ".tsv", ".parquet", ".pq")


def is_table(path: Path) -> bool:
    """Whether a file is a table, by its name."""
    return Path(path.name.lower().removesuffix(".gz")).suffix in TABLES


def read_labels(
    path: Path, paths: str | int | None, labels: str | int | None, splits: str | int | None
) -> dict[str, Labelled]:
    """The pictures of a table.

    Args:
        path: .csv, .tsv, either with .gz, or .parquet. Paths of pictures in it are relative to its folder.
        paths: the column of paths; None: the one of a usual name.
        labels: the column of classes; None: the one of a usual name.
        splits: the column that says train, val or test; None: there is none.

    Returns:
        Pictures by split; `all` where there is no column for it.

    Raises:
        DataError: a column is missing, a cell is empty, or a file is not there; says the line.
    """
    table = _opened(path, [paths, labels])
    pictures = _texts(table, _column(table, paths, "data.path_column", PATH_COLUMNS))
    classes = _texts(table, _column(table, labels, "data.label_column", LABEL_COLUMNS))
    found = [path.parent / one for one in pictures]
    for row, one in enumerate(found):
        if not one.is_file():
            raise table.error(f"no such picture: {one}", "paths are relative to the table's folder", row=row)
    whole = Labelled(str(path), found, classes)
    if splits is None:
        return {"all": whole}
    rows = split_by_column(table, table.resolve(splits, "data.split_column"))
    return {split: whole.chosen(chosen.tolist()) for split, chosen in rows.items()}


def read_paths(path: Path, column: str | int | None) -> list[Path]:
    """The column of paths of a table, as of `read_labels`."""
    table = _opened(path, [column])
    return [path.parent / one for one in _texts(table, _column(table, column, "data.path_column", PATH_COLUMNS))]


def _opened(path: Path, columns: Sequence[str | int | None]) -> Table:
    # Names such as 007 and 1.0 stay what they are.
    as_text = [*PATH_COLUMNS, *LABEL_COLUMNS]
    every = {name for one in as_text for name in (one, one.capitalize(), one.upper())}
    return read_table(path, Format(), every | {str(one) for one in columns if one is not None})


def _column(table: Table, given: str | int | None, option: str, usual: Sequence[str]) -> str:
    if given is not None:
        return table.resolve(given, option)
    for one, name in itertools.product(usual, table.names):
        if name.lower() == one:
            return name
    has = listed(table.names, at_most=20)
    raise table.error(f"no column is called {usual[0]}, {usual[1]} or the like", f"name it in {option}; it has {has}")


def _texts(table: Table, name: str) -> list[str]:
    codes, texts = as_texts(table.get(name))
    if (codes < 0).any():
        raise table.error("missing value", "fill it in or remove the line", row=int(np.argmax(codes < 0)), column=name)
    return [texts[code] for code in codes]
