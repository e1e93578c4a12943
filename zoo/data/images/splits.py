"""Which pictures train, validate and test, and which of them are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from zoo.data.images.folders import Labelled
from zoo.data.splits import SPLITS, split_at_random
from zoo.data.table import Column, Table, listed
from zoo.errors import DataError


def cut(whole: Labelled, val: float, test: float, seed: int) -> tuple[dict[str, Labelled], list[str]]:
    """Pictures by split, the shares of classes kept in each; and what is to be said of it.

    Raises:
        DataError: too few pictures.
    """
    table = Table(whole.label, (), len(whole), _no_columns.__getitem__)
    names = {name: code for code, name in enumerate(sorted(set(whole.classes)))}
    labels = np.array([names[one] for one in whole.classes])
    rows = split_at_random(table, np.arange(len(whole)), labels, val=val, test=test, seed=seed)
    return {split: whole.chosen(rows[split].tolist()) for split in SPLITS}, table.notes


_no_columns: dict[str, Column] = {}


def check_classes(splits: dict[str, Labelled], names: Sequence[str]) -> list[str]:
    """A note on every split that lacks classes.

    Args:
        splits: pictures by split.
        names: the classes of training.

    Raises:
        DataError: a split has a class that training has not.
    """
    notes = []
    for split, pictures in splits.items():
        counts = Counter(pictures.classes)
        unknown = sorted(counts.keys() - set(names))
        if unknown:
            example = pictures.paths[pictures.classes.index(unknown[0])]
            problem = f"class {listed(unknown, at_most=5)} is none of training, which has {listed(names, at_most=10)}"
            remedy = f"correct or remove it; the first is {example}"
            raise DataError(pictures.label, problem=problem, remedy=remedy)
        missing = [name for name in names if name not in counts]
        if missing and pictures.paths:
            notes.append(f"{split} has no picture of {listed(missing, at_most=10)}")
    return notes


def same_pictures(keys: dict[str, list[str]]) -> dict[str, list[tuple[int, str, int]]]:
    """Pictures that an evaluation split has too, byte for byte.

    Args:
        keys: of what is in the files, by split.

    Returns:
        By split, those of its pictures that a later one of train, val and test has: place here, the other split, and
        place there.
    """
    found: dict[str, list[tuple[int, str, int]]] = {}
    order = [split for split in SPLITS if split in keys]
    for position, split in enumerate(order):
        later = {key: (other, place) for other in order[position + 1 :] for place, key in enumerate(keys[other])}
        same = [(place, *later[key]) for place, key in enumerate(keys[split]) if key in later]
        if same:
            found[split] = same
    return found
