"""Attentions of the bare contract, which know one query a sentence, given several."""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention import Attention
from zoo.seq2seq.attention.nested import map_tensors


class BareAttention(Protocol):
    """What every attention can do."""

    def prepare(self, keys: Tensor, mask: Tensor) -> Any:
        """Encoder states (B, S, K) and their mask (B, S) to what all steps share."""

    def __call__(self, query: Tensor, memory: Any, state: Any) -> tuple[Tensor, Tensor, Any]:
        """One step of queries (B, Q): contexts (B, K), weights (B, S), and the state for the next step."""


class Attending(nn.Module):
    """Any attention, for N hypotheses of a sentence and for T steps whose queries are known.

    An `Attention` does both itself. Of anything else only `BareAttention` is asked: the hypotheses of a sentence become
    rows of a batch, each with the sentence's memory.

    Args:
        attention: a `BareAttention`.
    """

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def prepare(self, keys: Tensor, mask: Tensor) -> Any:
        """Encoder states (B, S, K) and their mask (B, S) to what all steps share."""
        return self._bare.prepare(keys, mask)

    @property
    def _bare(self) -> BareAttention:
        return cast(BareAttention, self.attention)

    def forward(self, queries: Tensor, memory: Any, state: Any) -> tuple[Tensor, Tensor, Any]:
        """One step of N hypotheses.

        Args:
            queries: (B, N, Q).
            memory: of `prepare`.
            state: tensors (B, N, ...), or None at the first step.

        Returns:
            Contexts (B, N, K), weights (B, N, S), and the state for the next step.
        """
        if isinstance(self.attention, Attention):
            attended: tuple[Tensor, Tensor, Any] = self.attention(queries, memory, state)
            return attended
        batch, hypotheses = queries.shape[:2]
        if hypotheses > 1:
            memory = map_tensors(lambda tensor: tensor.repeat_interleave(hypotheses, 0), memory)
        rows = map_tensors(lambda tensor: tensor.flatten(0, 1), state)
        context, weights, rows = self._bare(queries.flatten(0, 1), memory, rows)
        shape = (batch, hypotheses)
        state = map_tensors(lambda tensor: torch.unflatten(tensor, 0, shape), rows)
        return torch.unflatten(context, 0, shape), torch.unflatten(weights, 0, shape), state

    def steps(self, queries: Tensor, memory: Any) -> tuple[Tensor, Tensor]:
        """All steps of one hypothesis a sentence, (B, T, Q), to contexts (B, T, K) and weights (B, T, S)."""
        if isinstance(self.attention, Attention):
            return self.attention.steps(queries, memory)[:2]
        contexts, all_weights, state = [], [], None
        for query in torch.split(queries, 1, 1):
            context, weights, state = self(query, memory, state)
            contexts.append(context)
            all_weights.append(weights)
        return torch.cat(contexts, 1), torch.cat(all_weights, 1)
