"""The score of Bahdanau, Cho & Bengio (2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.scores.tanh import TanhScore


class Additive(TanhScore):
    """vᵀ tanh(W s + U h); Bahdanau et al. (2015), appendix A.1.2, without biases as there.

    Args:
        query_size: Q, of the decoder state s.
        key_size: K, of the encoder states h.
        hidden_size: H; Q if None.
        normalised: g v / ‖v‖ in place of v, and a bias inside the tanh; Salimans & Kingma (2016), as in the GNMT
            systems of TensorFlow and NVIDIA. g starts at 1 / √H, the bias at zero.
        coverage: adds a vector times c_s inside the tanh; See, Liu & Manning (2017), equation 11.
    """

    def __init__(
        self,
        query_size: int,
        key_size: int,
        hidden_size: int | None = None,
        normalised: bool = False,
        coverage: bool = False,
    ) -> None:
        hidden_size = hidden_size or query_size
        super().__init__(hidden_size, coverage)
        self.query = nn.Linear(query_size, hidden_size, bias=normalised)
        self.key = nn.Linear(key_size, hidden_size, bias=False)
        self.gain = nn.Parameter(torch.full((), hidden_size**-0.5)) if normalised else None
        if normalised:
            nn.init.zeros_(self.query.bias)

    def project_query(self, query: Tensor) -> Tensor:
        """W s, (B, N, Q) -> (B, N, H)."""
        projected: Tensor = self.query(query)
        return projected

    def project_keys(self, keys: Tensor) -> Tensor:
        """U h, (B, S, K) -> (B, S, H)."""
        projected: Tensor = self.key(keys)
        return projected

    def energy_vector(self) -> Tensor:
        """v or g v / ‖v‖, (H,)."""
        return self.v if self.gain is None else self.gain * self.v / self.v.norm()


def additive(
    query_size: options.Size,
    key_size: options.Size,
    hidden_size: options.Size | None = None,
    normalised: bool = False,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Additive attention, Bahdanau et al. (2015): vᵀ tanh(W s + U h).

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state.
        hidden_size: size of the hidden layer; that of the query if None.
        normalised: v is normalised to a learned length.
        scope: of `Attention`, as all that follow.
    """
    score = Additive(query_size, key_size, hidden_size, normalised, coverage)
    return Attention(
        score,
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
