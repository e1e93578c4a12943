"""The hypotheses that are alive."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zoo.seq2seq.search.ensemble import follow
from zoo.seq2seq.search.phrases import Progress


@dataclass(frozen=True)
class Frontier:
    """N hypotheses of equal length of each of the B sentences that are left.

    Attributes:
        sentences: which of all sentences these are, (B,).
        tokens: the last of each hypothesis, (B, N).
        totals: log P of each so far, (B, N) float64; -inf in a place without a hypothesis.
        coverage: attention summed over the steps, (B, N, S); `None` where nothing asks for it.
        history: all tokens, (B, N, t); likewise.
        required: progress with phrases that must appear; likewise.
        refused: progress with phrases that must not appear; likewise.
        draws: which of the sentence's draws each is, (B, N); likewise.
    """

    sentences: Tensor
    tokens: Tensor
    totals: Tensor
    coverage: Tensor | None = None
    history: Tensor | None = None
    required: Progress | None = None
    refused: Progress | None = None
    draws: Tensor | None = None

    @classmethod
    def start(cls, count: int, begin_id: int, device: torch.device) -> Frontier:
        """An empty hypothesis of each of `count` sentences."""
        return cls(
            sentences=torch.arange(count, device=device),
            tokens=torch.full((count, 1), begin_id, device=device),
            totals=torch.zeros(count, 1, dtype=torch.float64, device=device),
        )

    def follow(self, sentences: Tensor, tokens: Tensor, totals: Tensor, draws: Tensor | None, flat: Tensor) -> Frontier:
        """Hypotheses that continue these by one token; what is kept of tokens is not yet advanced.

        Args:
            sentences: (B',).
            tokens: (B', N').
            totals: (B', N').
            draws: (B', N').
            flat: b · N + n of the hypotheses continued, (B', N').
        """
        return replace(
            self,
            sentences=sentences,
            tokens=tokens,
            totals=totals,
            draws=draws,
            coverage=None if self.coverage is None else follow(self.coverage, flat),
            history=None if self.history is None else follow(self.history, flat),
            required=None if self.required is None else self.required.select(flat),
            refused=None if self.refused is None else self.refused.select(flat),
        )
