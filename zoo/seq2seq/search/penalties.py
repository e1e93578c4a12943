"""How hypotheses are ranked, and when no other can rank higher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor


@overload
def length_penalty(length: float, alpha: float) -> float: ...
@overload
def length_penalty(length: Tensor, alpha: float) -> Tensor: ...
def length_penalty(length: float | Tensor, alpha: float) -> float | Tensor:
    """lp(Y) = ((5 + |Y|) / 6)^α, Wu et al. (2016), equation 14; |Y| counts the end."""
    return ((5 + length) / 6) ** alpha


def coverage_penalty(coverage: Tensor, mask: Tensor, beta: float) -> Tensor:
    """cp(X; Y) = β Σ_i log min(Σ_j p_ij, 1), Wu et al. (2016), equation 14.

    A position that was never looked at, as attention over a window has many, counts with the smallest normal float32
    number in place of zero: such hypotheses stay comparable, by the number of such positions.

    Args:
        coverage: Σ_j p_ij, (..., S).
        mask: True at the source's own positions, its end included; broadcasts to `coverage`.
        beta: β.

    Returns:
        At most zero, (...), float64.
    """
    summands = coverage.double().clamp(torch.finfo(torch.float32).tiny, 1).log()
    return beta * summands.masked_fill(~mask, 0.0).sum(-1)


@dataclass(frozen=True)
class Ranking:
    """s(Y, X) = log P(Y|X) / lp(Y) + cp(X; Y), Wu et al. (2016), equation 14.

    The penalties rank finished hypotheses. Within the beam all hypotheses have equal length, and are compared by
    log P(Y|X) alone: the part of the source that is still to be covered says nothing against one of them.

    Args:
        alpha: α.
        beta: β.
    """

    alpha: float = 0.0
    beta: float = 0.0

    def score(self, log_probabilities: Tensor, length: int, coverage: Tensor | None, mask: Tensor) -> Tensor:
        """Scores of finished hypotheses of one length.

        Args:
            log_probabilities: log P(Y|X), (F,) float64.
            length: |Y|.
            coverage: attention summed over the steps, the last included, (F, S); not needed where β is zero.
            mask: True at the positions of the source, (F, S).
        """
        scores = log_probabilities / length_penalty(float(length), self.alpha)
        return scores if coverage is None else scores + coverage_penalty(coverage, mask, self.beta)

    def bound(self, log_probabilities: Tensor, longest: Tensor) -> Tensor:
        """A score that nothing which grows from live hypotheses can exceed, (B,).

        Let r = log P of a live hypothesis and L the largest |Y| its sentence allows. All that follows from it adds
        log-probabilities, none above zero: it ends with r' <= r <= 0 and |Y| <= L. As α >= 0, lp grows with |Y|, so
        1 <= lp(Y) <= lp(L) and r' / lp(Y) <= r' / lp(L) <= r / lp(L). As β >= 0 and log min(·, 1) <= 0, cp <= 0.
        Hence s <= r / lp(L), and the largest r of a sentence bounds all its hypotheses. Sums, quotients and products
        are rounded monotonically, so this holds for the computed numbers too.

        A search may stop when the n-th best score it has is no less: what could still come would at best tie, and of
        equal scores the one that was found first is kept. Finished hypotheses leave the beam with their place in it,
        so what remains alive is all that could come: stopping by this rule returns what not stopping would return.

        Args:
            log_probabilities: of the live hypotheses, (B, N) float64; -inf where there is none.
            longest: L, (B,).
        """
        return log_probabilities.amax(1) / length_penalty(longest.double(), self.alpha)
