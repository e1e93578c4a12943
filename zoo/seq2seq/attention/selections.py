"""How weights follow from energies. Positions that are not allowed get a weight of exactly zero.

All work in float32 at least, and on any leading shape; a row without an allowed position gets zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.precision import at_least_float32


def masked(energies: Tensor, allowed: Tensor) -> Tensor:
    """Energies, with the lowest finite number where not allowed: a softmax over a row of them is no NaN."""
    return energies.masked_fill(~allowed, torch.finfo(energies.dtype).min)


def masked_softmax(energies: Tensor, allowed: Tensor) -> Tensor:
    """Softmax over the allowed positions.

    Args:
        energies: (..., S).
        allowed: broadcasts to them, bool.
    """
    return masked(energies, allowed).softmax(-1).masked_fill(~allowed, 0.0)


def largest(energies: Tensor, allowed: Tensor, k: int) -> Tensor:
    """The k allowed positions with the largest energies, and those that tie with the k-th: bool, (..., S).

    Ties are kept so that neither padding nor order decides between equal positions.
    """
    ranked = masked(energies.detach(), allowed)
    return allowed & (ranked >= ranked.topk(min(k, ranked.shape[-1]), -1).values[..., -1:])


def add_gumbel_noise(energies: Tensor) -> Tensor:
    """Energies plus -log(-log u), u uniform; Gumbel (1954)."""
    exponential = torch.empty_like(energies).exponential_().clamp_min_(torch.finfo(energies.dtype).tiny)
    return energies - exponential.log_()


def one_position(energies: Tensor, allowed: Tensor) -> Tensor:
    """One at the largest allowed energy, the first of equal ones, and zero elsewhere, (..., S)."""
    index = masked(energies, allowed).argmax(-1, keepdim=True)
    return torch.zeros_like(energies).scatter_(-1, index, 1.0).masked_fill_(~allowed, 0.0)


class Selection(nn.Module):
    """Energies to weights.

    - `softmax`: softmax(e / τ).
    - `top_k`: softmax(e / τ) over the k largest alone.
    - `gumbel`: in training softmax((e + g) / τ) with Gumbel noise g, Jang, Gu & Poole (2017), equation 2; after it
      softmax(e / τ).
    - `hard`: one position. In training the largest of e + g, with the gradient of `gumbel` (their straight-through
      estimator, section 2.2); the largest of e after it.

    Args:
        name: one of these.
        temperature: τ.
        k: of `top_k`.
    """

    def __init__(self, name: options.Selection, temperature: float, k: int) -> None:
        super().__init__()
        self.name, self.temperature, self.k = name, temperature, k

    def extra_repr(self) -> str:
        """What `print` shows."""
        return self.name

    def forward(self, energies: Tensor, allowed: Tensor) -> Tensor:
        """(..., S), and where a position may be attended to, bool, to weights (..., S)."""
        energies = at_least_float32(energies)
        if self.name in ("gumbel", "hard") and self.training:
            energies = add_gumbel_noise(energies)
        if self.name == "hard" and not self.training:
            return one_position(energies, allowed)
        if self.name == "top_k":
            allowed = largest(energies, allowed, self.k)
        scaled = energies if self.temperature == 1 else energies / self.temperature
        weights = masked_softmax(scaled, allowed)
        if self.name == "hard":
            return one_position(energies.detach(), allowed) + (weights - weights.detach())
        return weights
