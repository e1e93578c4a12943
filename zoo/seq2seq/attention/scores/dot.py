"""The dot product, and the scaled one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.score import Score


class Dot(Score):
    """h_tᵀ h_s; Luong et al. (2015), section 3.1. Scaled, h_tᵀ h_s / √Q; Vaswani et al. (2017), equation 1.

    Keys are kept as columns, (B, K, S): the gradient of a product with them is then stored as it is computed, and a
    training step takes about half the time (64 sentences of 50 positions, Q = 512).

    Args:
        query_size: Q.
        key_size: K.
        scaled: divides by √Q.

    Raises:
        ValueError: Q is not K.
    """

    stateless = True

    def __init__(self, query_size: int, key_size: int, scaled: bool = False) -> None:
        super().__init__()
        if query_size != key_size:
            raise ValueError(
                f"a dot product needs queries and keys of one size, and query_size is {query_size}, key_size "
                f"{key_size}; take the score `general`, or a decoder as wide as the encoder's output"
            )
        self.scale = query_size**-0.5 if scaled else None

    def prepare(self, keys: Tensor, mask: Tensor) -> Any:
        """(B, S, K) -> (B, K, S)."""
        return keys.transpose(1, 2).contiguous()

    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """(B, N, Q) -> (B, N, S)."""
        return torch.bmm(query if self.scale is None else query * self.scale, memory.projected)


def dot(
    query_size: options.Size,
    key_size: options.Size,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Dot attention, Luong et al. (2015): h_tᵀ h_s.

    Args:
        query_size: size of a decoder state; that of an encoder state.
        key_size: size of an encoder state.
        scope: of `Attention`, as all that follow.
    """
    return Attention(
        Dot(query_size, key_size),
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )


def scaled_dot(
    query_size: options.Size,
    key_size: options.Size,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Scaled dot attention, Vaswani et al. (2017): h_tᵀ h_s / √Q.

    Args:
        query_size: size of a decoder state, Q; that of an encoder state.
        key_size: size of an encoder state.
        scope: of `Attention`, as all that follow.
    """
    return Attention(
        Dot(query_size, key_size, scaled=True),
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
