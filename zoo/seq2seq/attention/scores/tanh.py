"""What `additive` and `concat` share: a hidden layer over query and key."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.precision import at_least_float32, own_type, product
from zoo.seq2seq.attention.score import Score

#: How many numbers of the hidden layer are computed at once where no gradients are: 1 MB of them (2 x were slower).
_CACHED = 2**18


def tanh_energies(
    query: Tensor, keys: Tensor, v: Tensor, coverage: Tensor | None = None, w: Tensor | None = None
) -> Tensor:
    """vᵀ tanh(q + k + w c), in the type of the keys.

    Args:
        query: projected decoder states, (B, N, H).
        keys: projected encoder states, (B, S, H).
        v: energy vector, (H,).
        coverage: c, (B, N, S), or None for none.
        w: coverage vector, (H,).

    Returns:
        (B, N, S).
    """
    v_twice = v * 2

    # As tanh(x) = 2 σ(2x) - 1: on a CPU torch's tanh takes several times as long as its σ (measured, with AVX-512).
    def energies(query: Tensor, keys: Tensor, coverage: Tensor | None = None) -> Tensor:
        hidden = torch.add(query, keys, alpha=2)
        if coverage is not None and w is not None:
            hidden = torch.addcmul(hidden, coverage, w, value=2)
        return product(hidden.sigmoid_(), v_twice)

    given = [(query * 2).unsqueeze(2), keys.unsqueeze(1)]
    if coverage is not None and w is not None:
        given.append(coverage.unsqueeze(-1))
    if torch.is_grad_enabled() or keys.is_cuda:
        return energies(*given) - v.sum()
    # A few sentences at a time, whose hidden layer stays in the processor's cache.
    count = max(1, -(-query.shape[1] * keys.numel() // _CACHED))
    with own_type(keys):
        parts = [energies(*part) for part in zip(*(one.chunk(count) for one in given), strict=True)]
    return torch.cat(parts) - v.sum()


def unit_range(size: int) -> nn.Parameter:
    """A vector drawn as torch draws the weights of a linear layer with `size` inputs, U(-1/√size, 1/√size)."""
    return nn.Parameter(torch.empty(size).uniform_(-(size**-0.5), size**-0.5))


class TanhScore(Score):
    """vᵀ tanh(q + k), of projected queries and keys. A subclass projects.

    The tanh runs in float32 also where the model runs in bfloat16, whose three digits it would round away, and whose
    tanh is slower than float32's on a CPU.

    Args:
        hidden_size: H.
        coverage: adds w c_s inside the tanh; See, Liu & Manning (2017), equation 11.
    """

    stateless = True
    pointwise = True

    def __init__(self, hidden_size: int, coverage: bool = False) -> None:
        super().__init__()
        self.reads_coverage = coverage
        self.v = unit_range(hidden_size)
        self.covered = unit_range(hidden_size) if coverage else None

    def project_query(self, query: Tensor) -> Tensor:
        """(B, N, Q) -> (B, N, H)."""
        return query

    def project_keys(self, keys: Tensor) -> Tensor:
        """(B, S, K) -> (B, S, H)."""
        return keys

    def energy_vector(self) -> Tensor:
        """v, (H,)."""
        return self.v

    def prepare(self, keys: Tensor, mask: Tensor) -> Any:
        """Projected keys, (B, S, H)."""
        return at_least_float32(self.project_keys(keys))

    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """(B, N, Q) -> (B, N, S)."""
        v = self.energy_vector().to(memory.projected.dtype)
        coverage = state.coverage if state is not None else None
        return tanh_energies(self.project_query(query), memory.projected, v, coverage, self.covered)
