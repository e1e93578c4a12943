"""What a search has done, step by step, and the way back from an end to the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from zoo.seq2seq.search.hypothesis import Hypothesis

T = TypeVar("T")


class End(NamedTuple):
    """Where a hypothesis has ended.

    Attributes:
        sentence: whose hypothesis it is.
        length: tokens before the end.
        row: its place among all hypotheses of that length.
        log_probability: of the end alone.
        total: log P of the whole.
        score: what it is ranked by.
    """

    sentence: int
    length: int
    row: int
    log_probability: float
    total: float
    score: float


class Trace:
    """Back pointers instead of copies of growing hypotheses.

    Args:
        lengths: of the sources, their ends included.
        longest: tokens of the longest output of each sentence.
    """

    def __init__(self, lengths: Sequence[int], longest: Sequence[int]) -> None:
        self.lengths, self.longest = lengths, longest
        self._weights: list[Tensor | None] = []
        self._steps: list[tuple[Tensor, Tensor, Tensor]] = []
        self._weightless: set[int] = set()

    def look(self, weights: Tensor | None) -> None:
        """Keep the attention of all hypotheses of a length, (B, N, S), before they grow."""
        self._weights.append(None if weights is None else weights.flatten(0, 1))

    def lacks_weights(self, sentences: Sequence[int]) -> None:
        """Note sentences whose weights mean nothing."""
        self._weightless.update(sentences)

    def grow(self, tokens: Tensor, log_probabilities: Tensor, flat: Tensor) -> None:
        """Keep how hypotheses have grown: token, its log-probability and the row of the one before, (B, N) each."""
        self._steps.append((tokens.flatten(), log_probabilities.flatten(), flat.flatten()))

    def tokens(self, ends: Sequence[End]) -> list[list[int]]:
        """The tokens of hypotheses."""
        order, tokens, _, _ = self._back(ends, weights=False)
        return _in_order(order, [row[: ends[index].length] for index, row in zip(order, tokens.tolist(), strict=True)])

    def hypotheses(self, ends: Sequence[End], *, given: bool = False) -> list[Hypothesis]:
        """Hypotheses as a user sees them.

        Args:
            ends: of the hypotheses.
            given: their tokens were given, so none was cut.
        """
        if not ends:
            return []
        order, tokens, log_probabilities, weights = self._back(ends, weights=True)
        found = []
        parts = zip(order, tokens.tolist(), log_probabilities.tolist(), strict=True)
        for place, (index, own_tokens, own_log_probabilities) in enumerate(parts):
            end = ends[index]
            looked = None
            if weights is not None and end.sentence not in self._weightless:
                looked = weights[place, : end.length + 1, : self.lengths[end.sentence]].clone()
            found.append(
                Hypothesis(
                    tokens=own_tokens[: end.length],
                    score=end.score,
                    log_probability=end.total,
                    token_log_probabilities=[*own_log_probabilities[: end.length], end.log_probability],
                    weights=looked,
                    finished=given or end.length < self.longest[end.sentence],
                )
            )
        return _in_order(order, found)

    def _back(self, ends: Sequence[End], *, weights: bool) -> tuple[list[int], Tensor, Tensor, Tensor | None]:
        """Indices of the hypotheses, longest first, with their tokens, log-probabilities and weights in this order."""
        order = sorted(range(len(ends)), key=lambda index: -ends[index].length)
        longest = ends[order[0]].length
        device = self._steps[0][0].device if self._steps else None
        rows = torch.tensor([ends[index].row for index in order], device=device)
        tokens = torch.zeros(len(ends), longest, dtype=torch.int64, device=device)
        log_probabilities = torch.zeros(len(ends), longest, dtype=torch.float64, device=device)
        looked = None
        if weights and self._weights[0] is not None:
            width = self._weights[0].shape[1]
            looked = torch.zeros(len(ends), longest + 1, width, device=self._weights[0].device)
        active = 0
        for length in range(longest, -1, -1):
            while active < len(order) and ends[order[active]].length >= length:
                active += 1
            own = rows[:active]
            here = self._weights[length]
            if looked is not None and here is not None:
                looked[:active, length] = here[own]
            if length:
                step_tokens, step_log_probabilities, step_rows = self._steps[length - 1]
                tokens[:active, length - 1] = step_tokens[own]
                log_probabilities[:active, length - 1] = step_log_probabilities[own]
                rows[:active] = step_rows[own]
        return order, tokens, log_probabilities, looked


def _in_order(order: list[int], values: list[T]) -> list[T]:
    """Values that stand as `order` says, as they stood before."""
    placed = dict(zip(order, values, strict=True))
    return [placed[index] for index in range(len(values))]
