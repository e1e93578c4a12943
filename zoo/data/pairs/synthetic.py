"""Problems that a sequence-to-sequence model must be able to learn to the last token."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from zoo.data.pairs.base import Pairs
from zoo.data.pairs.corpus import Corpus, Listed
from zoo.data.pairs.options import SYNTHETIC, BatchSize, BatchUnit, Seed, TextOptions, Workers
from zoo.errors import ConfigError

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Copy(Pairs):
    """Random sequences of letters, each different from all others; the target is the source.

    Args:
        symbols: number of different letters.
        min_length: of a sequence.
        max_length: of a sequence.
        train: sequences to train on.
        val: sequences for validation.
        test: sequences for the test.
        batch_unit: what `batch_size` counts: sentences or tokens.
        batch_size: sequences a batch; or tokens a batch, padding included, of its longer side.
        cache: folder for tokenised training data; None: the user's cache folder.
        num_workers: processes that load batches.
        seed: of the sequences and their splits.
    """

    metrics = SYNTHETIC
    name = "copy"

    def __init__(
        self,
        symbols: Annotated[int, Ge(2), Le(26)] = 10,
        min_length: Annotated[int, Ge(1)] = 1,
        max_length: Annotated[int, Ge(1)] = 10,
        train: Annotated[int, Ge(1)] = 5000,
        val: Annotated[int, Ge(1)] = 200,
        test: Annotated[int, Ge(1)] = 200,
        batch_unit: BatchUnit = "sentences",
        batch_size: BatchSize = 64,
        cache: str | None = None,
        num_workers: Workers = 0,
        seed: Seed | None = None,
    ) -> None:
        text = TextOptions(
            "space", "space", vocabulary="joint", batch_unit=batch_unit, batch_size=batch_size, cache=cache
        )
        super().__init__(text, val=val, test=test, seed=seed, num_workers=num_workers)
        if min_length > max_length:
            raise ConfigError("data.min_length", f"{min_length} is more than data.max_length={max_length}", "lower it")
        possible = sum(symbols**length for length in range(min_length, max_length + 1))
        if 2 * (train + val + test) > possible:
            raise ConfigError(
                "data.train",
                f"{train + val + test} different sequences are too many where {possible} exist",
                "ask for less, or raise data.max_length",
            )
        self.symbols, self.min_length, self.max_length = symbols, min_length, max_length
        self.examples = train + val + test

    def open_corpus(self, split: str) -> Corpus | None:
        """All sequences, of which splits are cut."""
        if split != "train":
            return None
        random = np.random.default_rng(self.seed)
        sources: dict[str, None] = {}
        while len(sources) < self.examples:
            length = int(random.integers(self.min_length, self.max_length + 1))
            letters = (_LETTERS[letter] for letter in random.integers(self.symbols, size=length))
            sources[" ".join(letters)] = None
        return Listed(self.name, [(source, self.answer(source)) for source in sources])

    def answer(self, source: str) -> str:
        """The target of a source."""
        return source


class Reverse(Copy):
    """Random sequences of letters, each different from all others; the target is the source backwards.

    Args:
        symbols: number of different letters.
        min_length: of a sequence.
        max_length: of a sequence.
        train: sequences to train on.
        val: sequences for validation.
        test: sequences for the test.
        batch_unit: what `batch_size` counts: sentences or tokens.
        batch_size: sequences a batch; or tokens a batch, padding included, of its longer side.
        cache: folder for tokenised training data; None: the user's cache folder.
        num_workers: processes that load batches.
        seed: of the sequences and their splits.
    """

    name = "reverse"

    def answer(self, source: str) -> str:
        """The target of a source."""
        return source[::-1]
