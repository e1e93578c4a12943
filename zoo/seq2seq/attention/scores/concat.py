"""Luong, Pham & Manning's (2015) concat score."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.scores.tanh import TanhScore


class Concat(TanhScore):
    """vᵀ tanh(W [h_t; h_s]); Luong et al. (2015), section 3.1.

    W [h_t; h_s] is the sum of two products, W's first Q columns with h_t and the others with h_s, so that keys are
    projected once a sentence.

    Args:
        query_size: Q, of the decoder state h_t.
        key_size: K, of the encoder states h_s.
        hidden_size: H; Q if None.
        coverage: adds a vector times c_s inside the tanh; See, Liu & Manning (2017), equation 11.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int | None = None, coverage: bool = False) -> None:
        hidden_size = hidden_size or query_size
        super().__init__(hidden_size, coverage)
        fan_in = query_size + key_size
        self.query_size = query_size
        self.weight = nn.Parameter(torch.empty(hidden_size, fan_in).uniform_(-(fan_in**-0.5), fan_in**-0.5))

    def project_query(self, query: Tensor) -> Tensor:
        """(B, N, Q) -> (B, N, H)."""
        return linear(query, self.weight[:, : self.query_size])

    def project_keys(self, keys: Tensor) -> Tensor:
        """(B, S, K) -> (B, S, H)."""
        return linear(keys, self.weight[:, self.query_size :])


def concat(
    query_size: options.Size,
    key_size: options.Size,
    hidden_size: options.Size | None = None,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Concat attention, Luong et al. (2015): vᵀ tanh(W [h_t; h_s]).

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state.
        hidden_size: size of the hidden layer; that of the query if None.
        scope: of `Attention`, as all that follow.
    """
    return Attention(
        Concat(query_size, key_size, hidden_size, coverage),
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
