"""What every tokenizer has in common."""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.data.text.special import BEGIN, END, PADDING

__all__ = ["Tokenizer", "draws"]

_SILENT = frozenset((PADDING, BEGIN, END))


def draws(*key: int) -> random.Random:
    """Random numbers that depend on the numbers given and on nothing else: no state, no thread, no worker process.

    Args:
        key: such as seed, epoch, side and example; none negative, all below 2^64.
    """
    mixed = 1
    for part in key:
        if not 0 <= part < 1 << 64:
            raise ValueError(f"{part} is not within 0 and 2^64")
        mixed = (mixed << 64) | int(part)
    return random.Random(mixed)


class Tokenizer(ABC):
    """Text to ids and back. Begin and end are never among the ids; `decode` leaves special ids out, but for unknown.

    Args of every `fit` are options of plain data, after the training lines, of which one pass is made.
    """

    kind: ClassVar[str]
    notes: list[str]

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of ids, the special ones included."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a text."""

    @abstractmethod
    def tokens(self, ids: Iterable[int]) -> list[str]:
        """A readable token for every id, special ones included: as many as ids."""

    @abstractmethod
    def join(self, ids: Sequence[int], replacements: Mapping[int, str]) -> str:
        """The text of ids among which no padding, begin or end is; see `decode`."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything, in plain containers."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tokenizer:
        """The same again."""

    @property
    def samples(self) -> bool:
        """Whether `sample` draws."""
        return False

    def sample(self, text: str, rng: random.Random) -> list[int]:
        """One of the ways to write the text in tokens, at random; the only one, if `samples` is false.

        Args:
            text: a sentence.
            rng: of `draws`, so that the draw is a function of the seed, the epoch and the example.
        """
        return self.encode(text)

    def encode_lines(self, lines: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Many texts at once.

        Returns:
            The ids of all lines behind one another, and the number of ids of each line.
        """
        return flat([self.encode(line) for line in lines])

    def decode(self, ids: Iterable[int], replacements: Mapping[int, str] | None = None) -> str:
        """The text of ids; padding, begin and end are left out.

        Args:
            ids: of one sentence.
            replacements: from a position among the ids to the token to put there, as `tokens` writes it: for an
                unknown token, the source token attended most.
        """
        kept = [(place, index) for place, index in enumerate(ids) if index not in _SILENT]
        given = replacements or {}
        where = {new: given[old] for new, (old, _) in enumerate(kept) if old in given}
        return self.join([index for _, index in kept], where)

    @property
    def fingerprint(self) -> str:
        """Tells apart tokenizers that encode differently."""
        return hashlib.sha256(repr((self.kind, self.encoding_state())).encode("utf-8", "surrogatepass")).hexdigest()

    def encoding_state(self) -> Any:
        """The part of the state that `encode` depends on."""
        return self.state_dict()


def flat(rows: list[list[int]]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Rows behind one another, and their lengths."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    return np.fromiter(chain.from_iterable(rows), np.uint32, int(lengths.sum())), lengths
