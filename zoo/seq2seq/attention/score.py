"""What a score is: how well a query and a position of the source match."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention.memory import Memory, State


class Score(nn.Module, ABC):
    """The energies of an attention. `Attention` adds scope, selection and coverage, masks, and makes the context.

    A new one defines `energies`, and `prepare` where something can be computed once a sentence.

    Attributes:
        stateless: it reads nothing of `state`. True allows all steps of a teacher-forced sentence in one call. The
            default is right for every score.
        pointwise: the energy of a position depends on this position alone, and `prepare` returns tensors of shape
            (B, S, ·) in any structure, or None. Local scopes then compute energies inside the window only, where that
            is cheaper.
        reads_coverage: coverage enters its energies by `state.coverage`; `Attention` adds nothing of its own.
    """

    stateless = False
    pointwise = False
    reads_coverage = False

    def prepare(self, keys: Tensor, mask: Tensor) -> Any:
        """What of the energies is the same for all queries, once a sentence.

        Args:
            keys: zero where there is no token, (B, S, K).
            mask: True where a token stands, (B, S).

        Returns:
            Tensors with B first, in tuples, lists or dicts, or None: `memory.projected`.
        """
        return None

    @abstractmethod
    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """Energies of N queries a sentence: the hypotheses of a search, the steps of a known target, or one.

        What it says of positions without a token does not matter.

        Args:
            query: decoder states, (B, N, Q).
            memory: with `keys`, `mask`, `lengths` and what `prepare` returned as `projected`.
            state: previous weights and coverage, each (B, N, S) or None; None at the first step.

        Returns:
            (B, N, S), or with H heads (B, N, H, S).
        """

    def context(self, weights: Tensor, memory: Memory) -> Tensor:
        """The sum of keys, c = Σ_s a(s) h_s.

        Args:
            weights: as `energies` in shape, in the keys' type.

        Returns:
            (B, N, K).
        """
        return torch.bmm(weights, memory.keys)
