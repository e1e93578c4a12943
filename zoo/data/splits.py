"""Which rows train, validate and test."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from zoo.data.preprocessing import Rows
from zoo.data.table import Table, as_texts
from zoo.errors import ConfigError

SPLITS = ("train", "val", "test")
_MEANT = {"train": "train", "training": "train", "test": "test"} | dict.fromkeys(
    ("val", "valid", "validation", "dev"), "val"
)


def check_fractions(val: float, test: float) -> None:
    """Raise the ConfigError for fractions that leave no training rows."""
    for key, fraction in (("data.val", val), ("data.test", test)):
        if not 0 <= fraction < 1:
            raise ConfigError(key, f"{fraction:g} is not a fraction from 0 to below 1")
    if val + test >= 1:
        raise ConfigError(
            "data.val, data.test",
            f"{val:g} and {test:g} leave nothing to train on",
            "make their sum less than 1",
        )


def split_at_random(
    table: Table, rows: Rows, labels: NDArray[np.int64] | None, *, val: float, test: float, seed: int
) -> dict[str, Rows]:
    """Hold out test rows, then validation rows from the rest, both as scikit-learn does it.

    The test rows are those of `train_test_split(rows, test_size=test, random_state=seed, stratify=labels)`,
    so another program can hold out the very same. The validation rows are held out likewise, with the same
    seed, from the rest: `test_size=round(val * len(rows))` of them.

    Args:
        table: for errors and notes.
        rows: to be split, (n,).
        labels: class index of each of these rows, (n,), to keep the shares of the classes; None: not kept.
        val: fraction of all n rows.
        test: fraction of all n rows.
        seed: of the shuffling.

    Raises:
        DataError: too few rows.
    """
    test_count = math.ceil(test * len(rows))
    val_count = max(1, round(val * len(rows))) if val else 0
    if test_count + val_count >= len(rows):
        raise table.error(
            f"{len(rows)} rows are too few for data.val={val:g} and data.test={test:g}",
            "add rows or name separate files in data.val_path and data.test_path",
        )
    places = np.arange(len(rows))
    rest, held_out = _hold_out(table, places, labels, test, test_count, seed, "test")
    train, validation = _hold_out(table, rest, labels, val_count, val_count, seed, "validation")
    return {"train": rows[train], "val": rows[validation], "test": rows[held_out]}


def _hold_out(
    table: Table,
    places: Rows,
    labels: NDArray[np.int64] | None,
    size: float,
    count: int,
    seed: int,
    split: str,
) -> tuple[Rows, Rows]:
    """What remains, and what is held out."""
    if not count:
        return places, places[:0]
    from sklearn.model_selection import train_test_split

    strata = None if labels is None else labels[places]
    if strata is not None:
        counts = np.unique(strata, return_counts=True)[1]
        if counts.min() < 2 or count < len(counts) or len(places) - count < len(counts):
            table.notes.append(f"the {split} split is not stratified: too few rows of some class")
            strata = None
    rest, held_out = train_test_split(places, test_size=size, random_state=seed, stratify=strata)
    return rest, held_out


def split_by_column(table: Table, name: str) -> dict[str, Rows]:
    """The rows that a column marks as train, val (also valid, validation, dev) and test.

    Raises:
        DataError: any other mark, a missing one, or no training rows.
    """
    codes, names = as_texts(table.get(name))
    meant = [_MEANT.get(mark.lower()) for mark in names]
    known = np.array([mark is not None for mark in meant] + [False])[codes]
    if not known.all():
        row = int((~known).argmax())
        mark = f"{names[codes[row]]!r} is none of" if codes[row] >= 0 else "missing value, expected"
        raise table.error(f"{mark} train, val and test", "correct it", row=row, column=name)
    splits = {split: np.flatnonzero(np.array([mark == split for mark in meant])[codes]) for split in SPLITS}
    if not len(splits["train"]):
        raise table.error("no row is marked train", "mark the training rows", column=name)
    return splits
