"""Luong, Pham & Manning's (2015) general score."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.score import Score

Side = Literal["keys", "queries"]


class General(Score):
    """h_tᵀ W h_s; Luong et al. (2015), section 3.1.

    Either side may be projected, with the same result up to rounding. For S keys and T queries a sentence the products
    take S·K·Q + T·S·Q multiplications with `keys`, and T·K·Q + T·S·K with `queries`: where T is about S, the smaller
    of Q and K is the better size to meet in, and so chosen once and for all. Sources several times as long as targets
    are faster with `queries`, beams with `keys`. Nothing chooses by the sizes of a batch: rounding would then depend on
    which sentences stand together.

    The parameter `weight` holds √K · W. Adam moves every number in it by the learning rate, whatever its gradient, and
    a score is a sum over all of them: with W itself, it moves so far in a few steps that softmax is as good as hard.

    Args:
        query_size: Q, of the decoder state h_t.
        key_size: K, of the encoder states h_s.
        project: which side W multiplies; None: the cheaper one, `keys` unless they are smaller than queries.
    """

    stateless = True

    def __init__(self, query_size: int, key_size: int, project: Side | None = None) -> None:
        super().__init__()
        self.project: Side = project or ("keys" if query_size <= key_size else "queries")
        self.weight = nn.Linear(key_size, query_size, bias=False)

    def prepare(self, keys: Tensor, mask: Tensor) -> Any:
        """(B, S, K) -> (B, Q, S), or (B, K, S) where queries are projected."""
        projected = self.weight(keys) if self.project == "keys" else keys
        return projected.mul(keys.shape[-1] ** -0.5).transpose(1, 2).contiguous()

    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """(B, N, Q) -> (B, N, S)."""
        return torch.bmm(query if self.project == "keys" else query @ self.weight.weight, memory.projected)


def general(
    query_size: options.Size,
    key_size: options.Size,
    project: Side | None = None,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """General attention, Luong et al. (2015): h_tᵀ W h_s.

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state.
        project: which side W multiplies: keys or queries. None: the cheaper one for sources as long as targets; queries
            are faster where sources are several times as long.
        scope: of `Attention`, as all that follow.
    """
    return Attention(
        General(query_size, key_size, project),
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
