"""Tokenised pairs, a whole batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from zoo.data.text import PairStore, Sequences, Tokenizer, draws, padded

Inputs = dict[str, Tensor]
Batch = tuple[Inputs, Tensor, Tensor]
Anything = TypeVar("Anything")


class PairDataset(Dataset[Batch]):
    """Sources and targets as ids.

    Args:
        source: ids of the sources, without end.
        target: ids of the targets, without begin and end.
    """

    def __init__(self, source: Sequences, target: Sequences) -> None:
        self.source, self.target = source, target
        self.epoch = 0

    @classmethod
    def of(cls, source: Tokenizer, target: Tokenizer, sources: Sequence[str], targets: Sequence[str]) -> PairDataset:
        """The data set of texts that are in memory."""
        return cls(Sequences.of(*source.encode_lines(sources)), Sequences.of(*target.encode_lines(targets)))

    def __len__(self) -> int:
        return len(self.source)

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each source, its end included, (N,)."""
        return self.source.lengths() + np.int32(1)

    @property
    def target_lengths(self) -> NDArray[np.int32]:
        """Tokens of each target, its end included, (N,)."""
        return self.target.lengths() + np.int32(1)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of what is drawn anew each time; indices that know their epoch overrule it."""
        self.epoch = epoch

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A batch: `{"source": (B, S), "prefix": (B, T)}`, target (B, T) and the examples (B,)."""
        source, target, chosen = self.rows(indices)
        inputs = {
            "source": torch.from_numpy(padded(source, chosen, end=True)),
            "prefix": torch.from_numpy(padded(target, chosen, begin=True)),
        }
        examples = torch.as_tensor(list(indices), dtype=torch.int64)
        return inputs, torch.from_numpy(padded(target, chosen, end=True)), examples

    def rows(self, indices: Sequence[int]) -> tuple[Sequences, Sequences, Sequence[int]]:
        """Ids of both sides, and where in them the examples are."""
        return self.source, self.target, indices

    def __getitem__(self, index: int) -> Batch:
        """One example: source (S,), prefix (T,), target (T,) and its number."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"example {index} of {len(self)}")
        inputs, target, examples = self.__getitems__([index % len(self)])
        return {name: rows[0] for name, rows in inputs.items()}, target[0], examples[0]

    @staticmethod
    def collate(batch: Anything) -> Anything:
        """The batch as it is: `__getitems__` has already made one of it."""
        return batch


class SampledPairs(PairDataset):
    """Pairs whose segmentation into subwords is drawn anew in every epoch, a function of seed, epoch and example.

    Args:
        store: with the texts.
        source: tokenizer.
        target: tokenizer.
        seed: of the draws.
    """

    def __init__(self, store: PairStore, source: Tokenizer, target: Tokenizer, seed: int) -> None:
        super().__init__(store.source, store.target)
        self.store, self.tokenizers, self.seed = store, {"source": source, "target": target}, seed

    def rows(self, indices: Sequence[int]) -> tuple[Sequences, Sequences, Sequence[int]]:
        """Drawn anew."""
        epoch = getattr(indices, "epoch", self.epoch)
        sampled = [self._sampled(side, number, epoch, indices) for number, side in enumerate(self.tokenizers)]
        return sampled[0], sampled[1], range(len(indices))

    def _sampled(self, side: str, number: int, epoch: int, indices: Sequence[int]) -> Sequences:
        tokenizer = self.tokenizers[side]
        rows = [
            tokenizer.sample(self.store.text(side, index), draws(self.seed, epoch, number, index)) for index in indices
        ]
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        return Sequences.of(np.array([token for row in rows for token in row], dtype=np.int64), lengths)


class Lazily(Sequence[Anything]):
    """A sequence whose elements are made when they are asked for.

    Args:
        count: its length.
        make: the element at an index.
    """

    def __init__(self, count: int, make: Callable[[int], Anything]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        """One element, or a list of them."""
        if isinstance(index, slice):
            return [self._make(place) for place in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(f"{index} of {self._count}")
        return self._make(index % self._count)
