"""Which pairs of one corpus train, validate and test: decided by the source text alone."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from zoo.data.pairs.corpus import Corpus
from zoo.data.pairs.lines import counted
from zoo.errors import ConfigError, DataError


def place_of(source: str, seed: int) -> int:
    """A random number below 2^64 for each source text, the same on every machine."""
    return int.from_bytes(blake2b(source.encode(), digest_size=8, salt=seed.to_bytes(8, "little")).digest(), "little")


@dataclass(frozen=True)
class Cut:
    """Splits of a corpus: of all its source texts in a random order, the first test, the next validate.

    All pairs of one source are in one split, so a word with several pronunciations is never half known; a pair's
    split depends on nothing but its text, so no pair has to be remembered.

    Args:
        seed: of the order.
        test: sources placed below this one are for the test.
        val: those placed below this one and not for the test are for validation.
    """

    seed: int
    test: int
    val: int

    def split(self, source: str) -> str:
        """The split of a source: "train", "val" or "test"."""
        if not self.val:
            return "train"
        place = place_of(source, self.seed)
        if place < self.test:
            return "test"
        return "val" if place < self.val else "train"


def check_share(key: str, share: float) -> None:
    """Raise the ConfigError for what is neither a fraction nor a number of sources."""
    if not (0 <= share < 1 or (share >= 1 and float(share).is_integer())):
        raise ConfigError(key, f"{share:g}", "give a fraction below 1, or a whole number of sources")


def cut_corpus(corpus: Corpus, *, val: float, test: float, seed: int) -> Cut:
    """Decide the splits, in one pass over the sources that keeps eight bytes of each.

    Args:
        corpus: all pairs.
        val: fraction of the different sources for validation, or their number from 1 on; 0: none, and no pass.
        test: the same for the test.
        seed: of the choice.

    Raises:
        DataError: nothing is left to train on.
    """
    if not val and not test:
        return Cut(seed, 0, 0)
    seen = array("Q", (place_of(pair.source, seed) for pair in corpus))
    places = np.frombuffer(seen, dtype=np.uint64)
    places.sort()
    new = np.ones(len(places), np.bool_)
    np.not_equal(places[1:], places[:-1], out=new[1:])
    count = int(np.count_nonzero(new))
    tests, vals = (math.ceil(share * count) if share < 1 else int(share) for share in (test, val))
    if tests + vals >= count:
        raise DataError(
            corpus.label,
            problem=f"{counted(count, 'different source')}, too few for data.val={val:g} and data.test={test:g}",
            remedy="make those smaller, or name separate files",
        )
    # Of the different places in order, the one after the last for the test, and after the last for validation.
    first = np.flatnonzero(new)[[tests, tests + vals]]
    return Cut(seed, *map(int, places[first]))
