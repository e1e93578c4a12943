"""How weights follow from energies. Positions that are not allowed get a weight of exactly zero.

All work in float32 at least, and on any leading shape; a row without an allowed position gets zeros.
"""

from __future__ import annotations

from torch import Tensor, nn

from zoo import selection
from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.precision import at_least_float32


class Selection(nn.Module):
    """Energies to weights.

    - `softmax`: softmax(e / τ).
    - `top_k`: softmax(e / τ) over the k largest alone.
    - `sparsemax`: the distribution closest to e / τ, zero at low energies; Martins & Astudillo (2016), equation 2.
    - `entmax`: between softmax (α = 1) and sparsemax (α = 2); Peters, Niculae & Martins (2019), section 3.
    - `gumbel`: in training softmax((e + g) / τ) with Gumbel noise g, Jang, Gu & Poole (2017), equation 2; after it
      softmax(e / τ).
    - `hard`: one position. In training the largest of e + g, with the gradient of `gumbel` (their straight-through
      estimator, section 2.2); the largest of e after it.

    Args:
        name: one of these.
        temperature: τ.
        k: of `top_k`.
        alpha: α of `entmax`.
    """

    def __init__(self, name: options.Selection, temperature: float, k: int, alpha: float = 1.5) -> None:
        super().__init__()
        self.name, self.temperature, self.k, self.alpha = name, temperature, k, alpha

    def extra_repr(self) -> str:
        """What `print` shows."""
        return self.name

    def forward(self, energies: Tensor, allowed: Tensor) -> Tensor:
        """(..., S), and where a position may be attended to, bool, to weights (..., S)."""
        energies = at_least_float32(energies)
        if self.name == "hard" and not self.training:
            return selection.hardmax(energies, mask=allowed)
        if self.name in ("gumbel", "hard") and self.training:
            hard = self.name == "hard"
            return selection.gumbel_softmax(energies, temperature=self.temperature, hard=hard, mask=allowed)
        if self.name == "top_k":
            return selection.top_k_softmax(energies, self.k, temperature=self.temperature, mask=allowed)
        if self.name == "sparsemax":
            return selection.sparsemax(energies, temperature=self.temperature, mask=allowed)
        if self.name == "entmax":
            return selection.entmax(energies, self.alpha, temperature=self.temperature, mask=allowed)
        return selection.softmax(energies, temperature=self.temperature, mask=allowed)
