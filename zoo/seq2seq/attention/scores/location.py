"""Luong, Pham & Manning's (2015) location score."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from zoo.errors import ConfigError
from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.score import Score


class Location(Score):
    """W h_t, one energy a position whatever stands there; Luong et al. (2015), equation 8.

    Args:
        query_size: Q, of the decoder state h_t.
        max_length: number of positions that have a row in W.
    """

    stateless = True

    def __init__(self, query_size: int, max_length: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.weight = nn.Parameter(torch.empty(max_length, query_size).uniform_(-(query_size**-0.5), query_size**-0.5))

    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """(B, N, Q) -> (B, N, S).

        Raises:
            ConfigError: a sentence is longer than `max_length`.
        """
        length = memory.mask.shape[1]
        energies = linear(query, self.weight[:length])
        if length <= self.max_length:
            return energies
        longest = int(memory.lengths.max())
        if longest > self.max_length:
            raise ConfigError(
                "attention.max_length",
                f"a source of {longest} positions, and the location score has {self.max_length}",
                "train with a larger one, filter long sources, or take another score",
            )
        return pad(energies, (0, length - self.max_length))


def location(
    query_size: options.Size,
    key_size: options.Size,
    max_length: options.Size = 200,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Location attention, Luong et al. (2015): softmax(W h_t).

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state, which may be any.
        max_length: of the longest source, in tokens.
        scope: of `Attention`, as all that follow.
    """
    return Attention(
        Location(query_size, max_length),
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
