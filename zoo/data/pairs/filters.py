"""Which training pairs are left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zoo.data.pairs.lines import counted
from zoo.data.text import PairStore

Drop = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]


def filters(max_length: int | None, max_ratio: float | None) -> dict[str, Drop]:
    """By a reason, which pairs to leave out, given the numbers of tokens of source and target, (N,) each.

    Args:
        max_length: most tokens of either side; None: any number.
        max_ratio: the longer side has at most this times the tokens of the shorter; None: any.
    """
    found: dict[str, Drop] = {}
    if max_length is not None:
        found[f"longer than {counted(max_length, 'token')}"] = lambda source, target: (
            np.maximum(source, target) > max_length
        )
    if max_ratio is not None:
        found[f"one side more than {max_ratio:g} times longer than the other"] = lambda source, target: (
            np.maximum(source, target) > max_ratio * np.minimum(source, target)
        )
    return found


def filter_notes(store: PairStore) -> list[str]:
    """A sentence on each reason for which pairs were left out."""
    total = len(store) + sum(store.dropped.values())
    return [
        f"train: {count:,} of {counted(total, 'pair')} left out: {why}" for why, count in store.dropped.items() if count
    ]
