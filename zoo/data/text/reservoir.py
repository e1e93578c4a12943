"""A bounded sample of a stream."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable
from typing import TypeVar

__all__ = ["reservoir"]

T = TypeVar("T")


def reservoir(items: Iterable[T], size: int, seed: int) -> list[T]:
    """A uniform sample without replacement of a stream of unknown length, in the order of the stream.

    Vitter (1985), algorithm R: the item of index i replaces a random one of the kept with probability size / (i + 1).

    Args:
        items: the stream; one pass is made.
        size: items to keep; a shorter stream is kept whole.
        seed: of the draw.
    """
    if size < 1:
        raise ValueError(f"a sample of {size} items: at least 1")
    rng = random.Random(seed)
    kept: list[T] = []
    indices = array("q")
    for index, item in enumerate(items):
        if index < size:
            kept.append(item)
            indices.append(index)
        else:
            place = int(rng.random() * (index + 1))
            if place < size:
                kept[place], indices[place] = item, index
    return [kept[place] for place in sorted(range(len(kept)), key=indices.__getitem__)]
