"""The location-aware attention of Chorowski et al. (2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from zoo.seq2seq.attention import Attention, Memory, Score, State, options


def at_least_float32(tensor: Tensor) -> Tensor:
    """float16 and bfloat16 as float32, whose digits energies need; float32 and float64 as they are."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


class LocationAware(Score):
    """Energies that know where attention was: Chorowski et al. (2015), "Attention-Based Models for Speech Recognition".

    With the decoder state s, the encoder states h_j and the weights α of the step before, section 2.1 has

        f = F * α                                       (equation 8), k filters of width r
        e_j = wᵀ tanh(W s + V h_j + U f_j + b)          (equation 9)

    Tap m of a filter, m = 0 ... r - 1, multiplies α at j + m - (r - 1) / 2. Outside the sentence α is zero; and f is
    zero at the first step, which has none before it.

    Args:
        query_size: Q, of s.
        key_size: K, of h.
        hidden_size: H, inside the tanh; Q if None.
        filters: k.
        kernel_width: r, odd.

    Raises:
        ValueError: r is even, so that no tap is in the middle.
    """

    def __init__(
        self, query_size: int, key_size: int, hidden_size: int | None = None, filters: int = 10, kernel_width: int = 11
    ) -> None:
        super().__init__()
        if kernel_width % 2 == 0:
            raise ValueError(
                f"kernel_width={kernel_width} is even, and a filter is centred on a position; "
                f"give {kernel_width - 1} or {kernel_width + 1}"
            )
        hidden_size = hidden_size or query_size
        self.query = nn.Linear(query_size, hidden_size)  # W and b
        self.key = nn.Linear(key_size, hidden_size, bias=False)  # V
        self.filters = nn.Conv1d(1, filters, kernel_width, padding=kernel_width // 2, bias=False)  # F
        self.location = nn.Linear(filters, hidden_size, bias=False)  # U
        self.energy = nn.Linear(hidden_size, 1, bias=False)  # w

    def prepare(self, keys: Tensor, mask: Tensor) -> Tensor:
        """V h, (B, S, K) -> (B, S, H)."""
        return at_least_float32(self.key(keys))

    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """s, (B, N, Q), to e, (B, N, S)."""
        hidden = self.query(query).unsqueeze(2) + memory.projected.unsqueeze(1)
        if state is not None and state.weights is not None:
            hidden = hidden + self.location(self.features(state.weights))
        # Under autocast a matrix product would round tanh to half precision; a sum does not.
        energies: Tensor = (hidden.tanh() * self.energy.weight[0]).sum(-1)
        return energies

    def features(self, weights: Tensor) -> Tensor:
        """f = F * α, (B, N, S) -> (B, N, S, k)."""
        rows = weights.to(self.filters.weight.dtype).flatten(0, 1).unsqueeze(1)
        filtered: Tensor = self.filters(rows)  # (B·N, k, S)
        return filtered.transpose(1, 2).reshape(*weights.shape, self.filters.out_channels)


def location_aware(
    query_size: options.Size,
    key_size: options.Size,
    hidden_size: options.Size | None = None,
    filters: options.Size = 10,
    kernel_width: options.Size = 11,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    """Location-aware attention, Chorowski et al. (2015): wᵀ tanh(W s + V h + U (F * previous weights) + b).

    Args:
        query_size: size of a decoder state.
        key_size: size of an encoder state.
        hidden_size: size of the hidden layer; that of the query if None.
        filters: number of filters over the weights of the step before.
        kernel_width: positions that a filter sees, as many to the left as to the right; odd.
        scope: of `Attention`, as all that follow.
    """
    return Attention(
        LocationAware(query_size, key_size, hidden_size, filters, kernel_width),
        query_size,
        scope=scope,
        window=window,
        selection=selection,
        temperature=temperature,
        k=k,
        alpha=alpha,
        coverage=coverage,
    )
