"""Random ways to write a word in subwords, drawn from random numbers that the caller owns.

The library's own sampling takes its random numbers from a generator of the process or thread, which (depending on its
version) is seeded once or for all threads; a draw that is a function of seed, epoch and example needs one of its own.
Pieces never reach over a space (the models are trained so), hence words are drawn one at a time.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate

from zoo.data.text.special import UNKNOWN

__all__ = ["BPEDropout", "Segmentation", "UnigramSampling"]

# Of an unknown character, below the rarest piece: as the library has it when it looks for the best segmentation.
_UNKNOWN_PENALTY = 10.0

# Words whose lattice is kept; the most common ones stand for nearly all of a text.
_CACHED_WORDS = 1 << 13


class Segmentation(ABC):
    """A way to draw the ids of one word."""

    @abstractmethod
    def draw(self, word: str, rng: random.Random) -> list[int]:
        """Ids of the pieces that a word is written in."""


class UnigramSampling(Segmentation):
    """Subword regularization, Kudo (2018), 3.2: a segmentation x with probability P(x)^alpha / Σ P(x')^alpha.

    The sum is over all segmentations (l = ∞ in the paper). Drawn exactly, by sums of weights from the left and choices
    from the right (forward filtering, backward sampling).

    Args:
        scores: natural logarithm of each piece's probability.
        ids: of the pieces.
        alpha: smoothing; 0: all segmentations alike, large: the best one always.
    """

    def __init__(self, scores: Mapping[str, float], ids: Mapping[str, int], alpha: float) -> None:
        self._scores, self._ids, self._alpha = scores, ids, alpha
        self._longest = max(map(len, scores))
        self._unknown = min(scores.values()) - _UNKNOWN_PENALTY
        self._choices = lru_cache(_CACHED_WORDS)(self._lattice)

    def draw(self, word: str, rng: random.Random) -> list[int]:
        """Ids of the pieces that a word is written in."""
        choices, end, found = self._choices(word), len(word), []
        while end:
            cumulative, starts, ids = choices[end]
            # With one way to go there is nothing to draw.
            chosen = bisect_left(cumulative, rng.random() * cumulative[-1]) if len(ids) > 1 else 0
            found.append(ids[chosen])
            end = starts[chosen]
        return found[::-1]

    def _lattice(self, word: str) -> list[tuple[list[float], list[int], list[int]]]:
        """For each end of a piece: cumulative weights of the pieces that end there, their starts and ids."""
        before = [0.0]  # logarithm of the summed weights of all segmentations of the text up to a place
        choices: list[tuple[list[float], list[int], list[int]]] = [([], [], [])]
        for end in range(1, len(word) + 1):
            logs, starts, ids = [], [], []
            for start in range(max(0, end - self._longest), end):
                piece = word[start:end]
                score = self._scores.get(piece)
                if score is None and start == end - 1:
                    score = self._unknown
                if score is not None:
                    logs.append(before[start] + self._alpha * score)
                    starts.append(start)
                    ids.append(self._ids.get(piece, UNKNOWN))
            top = max(logs)
            cumulative = list(accumulate(math.exp(log - top) for log in logs))
            before.append(top + math.log(cumulative[-1]))
            choices.append((cumulative, starts, ids))
        return choices


class BPEDropout(Segmentation):
    """BPE-dropout, Provilkov et al. (2020), algorithm 1: at every step each possible merge is left out by chance.

    Args:
        ranks: of the merged pieces, the first merge having the lowest.
        ids: of the pieces.
        dropout: probability that a merge is left out; 0: plain byte-pair encoding, 1: characters.
    """

    def __init__(self, ranks: Mapping[str, float], ids: Mapping[str, int], dropout: float) -> None:
        self._ranks, self._ids, self._dropout = ranks, ids, dropout

    def draw(self, word: str, rng: random.Random) -> list[int]:
        """Ids of the pieces that a word is written in."""
        pieces, ranks, dropout, uniform = list(word), self._ranks, self._dropout, rng.random
        while len(pieces) > 1:
            best, place = math.inf, -1
            for left in range(len(pieces) - 1):
                rank = ranks.get(pieces[left] + pieces[left + 1])
                if rank is not None and (not dropout or uniform() >= dropout) and rank < best:
                    best, place = rank, left
            if place < 0:
                break
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
        return [self._ids.get(piece, UNKNOWN) for piece in pieces]
