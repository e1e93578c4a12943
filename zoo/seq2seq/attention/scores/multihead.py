"""Several scaled dot products at once, over a recurrent encoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.score import Score


class Projected(NamedTuple):
    """What heads read.

    Attributes:
        keys: as columns, (B, heads, d, S).
        values: (B, heads, S, d).
    """

    keys: Tensor
    values: Tensor


class MultiHead(Score):
    """Scaled dot products in `heads` subspaces; Vaswani et al. (2017), section 3.2.2, with d = K / heads.

    Each head has weights of its own and sums values of its own; the context is W_O [head_1; ...; head_h]. What is
    returned as weights is the mean over heads.

    Args:
        query_size: Q.
        key_size: K.
        heads: a divisor of K.

    Raises:
        ValueError: `heads` does not divide K.
    """

    stateless = True

    def __init__(self, query_size: int, key_size: int, heads: int) -> None:
        super().__init__()
        if key_size % heads:
            raise ValueError(
                f"heads={heads} does not divide key_size {key_size}; take a divisor, or another encoder width"
            )
        self.heads = heads
        self.scale = (key_size // heads) ** -0.5
        self.query = nn.Linear(query_size, key_size, bias=False)
        self.key = nn.Linear(key_size, key_size, bias=False)
        self.value = nn.Linear(key_size, key_size, bias=False)
        self.output = nn.Linear(key_size, key_size, bias=False)

    def prepare(self, keys: Tensor, mask: Tensor) -> Projected:
        """(B, S, K) -> what heads read."""
        columns = self.key(keys).unflatten(-1, (self.heads, -1)).permute(0, 2, 3, 1)
        values = self.value(keys).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        return Projected(columns.contiguous(), values.contiguous())

    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """(B, N, Q) -> (B, N, heads, S)."""
        queries = (self.query(query) * self.scale).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        return torch.matmul(queries, memory.projected.keys).transpose(1, 2)

    def context(self, weights: Tensor, memory: Memory) -> Tensor:
        """(B, N, heads, S) -> (B, N, K)."""
        read = torch.matmul(weights.transpose(1, 2), memory.projected.values)
        context: Tensor = self.output(read.transpose(1, 2).flatten(2))
        return context


def multihead(
    query_size: options.Size,
    key_size: options.Size,
    heads: options.Size = 4,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Multi-head attention, Vaswani et al. (2017), over a recurrent encoder.

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state.
        heads: how many; a divisor of `key_size`.
        scope: of `Attention`, as all that follow. Heads share the centre of a local scope, and the coverage.
    """
    return Attention(
        MultiHead(query_size, key_size, heads),
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
