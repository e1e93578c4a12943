"""Scores to weights that sum to one: soft, sparse, or all on one element.

| function | weights |
|---|---|
| `softmax` | of all elements |
| `sparsemax`, `entmax15`, `entmax` | zero for low scores |
| `top_k_softmax` | of the k largest |
| `gumbel_softmax` | random: a soft draw, or one element with a soft gradient |
| `hardmax` | one element |

Every function takes scores of any shape, works along one dimension, and returns weights of the scores' shape and type,
computed in float32 at least. `mask` is True where an element may get a weight, and broadcasts to the scores. Elsewhere
the weight is exactly zero, whatever the score. Without a mask, scores of -inf are masked. Where nothing is allowed the
weights are zeros, never NaN.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["entmax", "entmax15", "gumbel_softmax", "hardmax", "softmax", "sparsemax", "top_k_softmax"]


def softmax(x: Tensor, dim: int = -1, *, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """exp(x_i / τ) / Σ_j exp(x_j / τ); Bridle (1990), with the temperature of Hinton, Vinyals & Dean (2015).

    Args:
        x: scores.
        dim: along which weights sum to one.
        temperature: τ > 0; towards 0 all weight is on the largest score, towards infinity all weights are equal.
        mask: True where a weight may stand; see the module.

    Raises:
        TypeError: scores that are no floating-point numbers, or a mask that is not bool.
        ValueError: τ is not positive.

    Example:
        >>> softmax(torch.tensor([0.0, 0.0, 9.0]), mask=torch.tensor([True, True, False])).tolist()
        [0.5, 0.5, 0.0]
    """
    scores, allowed = _prepared(x, temperature, mask)
    return _normalised(scores, allowed, dim).to(x.dtype)


def sparsemax(x: Tensor, dim: int = -1, *, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """argmin_p ‖p - x / τ‖² over all distributions p: (x_i / τ - t)₊; Martins & Astudillo (2016), equation 2.

    Computed with a sort (their proposition 1 and algorithm 1); the gradient is that of their section 2.5.

    Args:
        x: scores.
        dim: along which weights sum to one.
        temperature: τ > 0.
        mask: True where a weight may stand; see the module.

    Raises:
        TypeError, ValueError: as `softmax`.

    Example:
        >>> sparsemax(torch.tensor([0.5, 0.25, -1.0])).tolist()
        [0.625, 0.375, 0.0]
    """
    return _sparse(x, 2.0, dim, temperature, mask)


def entmax15(x: Tensor, dim: int = -1, *, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """(x_i / 2τ - t)₊²: entmax of α = 1.5, between softmax and sparsemax; Peters, Niculae & Martins (2019).

    Computed with a sort, exactly (their algorithm 2).

    Args:
        x: scores.
        dim: along which weights sum to one.
        temperature: τ > 0.
        mask: True where a weight may stand; see the module.

    Raises:
        TypeError, ValueError: as `softmax`.
    """
    return _sparse(x, 1.5, dim, temperature, mask)


def entmax(
    x: Tensor, alpha: float = 1.5, dim: int = -1, *, temperature: float = 1.0, mask: Tensor | None = None
) -> Tensor:
    """argmax_p pᵀx / τ + H_α(p) over all distributions p; Peters, Niculae & Martins (2019), section 3.

    H_α is Tsallis' entropy, Σ (p_i - p_i^α) / (α (α - 1)). Weights are ((α - 1) x_i / τ - t)₊^(1 / (α - 1)). α = 1 is
    softmax, 2 sparsemax, 1.5 `entmax15`; for any other, t is found by bisection (as in their algorithm 1), to the
    precision of the type.

    Args:
        x: scores.
        alpha: α, from 1 to 2.
        dim: along which weights sum to one.
        temperature: τ > 0.
        mask: True where a weight may stand; see the module.

    Raises:
        TypeError: as `softmax`.
        ValueError: as `softmax`, or α outside [1, 2].
    """
    if not 1 <= alpha <= 2:
        raise ValueError(f"alpha: {alpha} is not between 1 (softmax) and 2 (sparsemax)")
    if alpha == 1:
        return softmax(x, dim, temperature=temperature, mask=mask)
    return _sparse(x, alpha, dim, temperature, mask)


def top_k_softmax(x: Tensor, k: int, dim: int = -1, *, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """Softmax over the k largest scores alone; Shazeer et al. (2017), equations 3 and 5, without their noise.

    What ties with the k-th is kept as well, so that order does not decide between equal scores.

    Args:
        x: scores.
        k: how many are kept, at least 1.
        dim: along which weights sum to one.
        temperature: τ > 0, of the softmax.
        mask: True where a weight may stand; see the module.

    Raises:
        TypeError: as `softmax`.
        ValueError: as `softmax`, or k below 1.
    """
    if k < 1:
        raise ValueError(f"k: {k} keeps nothing; give 1 or more")
    scores, allowed = _prepared(x, temperature, mask)
    ranked = scores.detach().masked_fill(~allowed, torch.finfo(scores.dtype).min)
    kth = ranked.topk(min(k, ranked.shape[dim]), dim).values.narrow(dim, -1, 1) if ranked.shape[dim] else ranked
    return _normalised(scores, allowed & (ranked >= kth), dim).to(x.dtype)


def gumbel_softmax(
    x: Tensor,
    dim: int = -1,
    *,
    temperature: float = 1.0,
    hard: bool = False,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """softmax((x + g) / τ) with noise g = -log(-log u), u uniform; Jang, Gu & Poole (2017), equation 2.

    The largest weight falls on element i with probability softmax(x)_i, whatever τ. Maddison, Mnih & Teh (2017) call
    its distribution Concrete.

    Args:
        x: scores, or logarithms of probabilities.
        dim: along which weights sum to one.
        temperature: τ > 0.
        hard: one at the largest weight and zero elsewhere, with the gradient of the soft weights: the straight-through
            estimator of their section 2.2.
        mask: True where a weight may stand; see the module.
        generator: of the noise; torch's own if None.

    Raises:
        TypeError, ValueError: as `softmax`.
    """
    scores, allowed = _prepared(x, 1.0, mask)
    # -log u, of uniform u, is exponential; it is kept from zero, whose logarithm is infinite.
    exponential = torch.empty_like(scores).exponential_(generator=generator).clamp_min_(torch.finfo(scores.dtype).tiny)
    scores, _ = _prepared(scores - exponential.log_(), temperature, allowed)
    weights = _normalised(scores, allowed, dim)
    if hard:
        weights = _one(scores.detach(), allowed, dim) + (weights - weights.detach())
    return weights.to(x.dtype)


def hardmax(x: Tensor, dim: int = -1, *, mask: Tensor | None = None) -> Tensor:
    """One at the largest score, the first of equal ones, and zero elsewhere. It has no gradient.

    Args:
        x: scores.
        dim: along which weights sum to one.
        mask: True where a weight may stand; see the module.

    Raises:
        TypeError: as `softmax`.
    """
    scores, allowed = _prepared(x, 1.0, mask)
    return _one(scores.detach(), allowed, dim).to(x.dtype)


def _prepared(x: Tensor, temperature: float, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """x / τ in float32 at least, and where weights may stand.

    Raises:
        TypeError, ValueError: as `softmax`.
    """
    if not x.is_floating_point():
        raise TypeError(f"x: scores are floating-point numbers, not {x.dtype}; convert them with .float()")
    if not temperature > 0:
        raise ValueError(f"temperature: {temperature} is not positive")
    if mask is not None and mask.dtype != torch.bool:
        raise TypeError(f"mask: {mask.dtype}; give torch.bool, True where a weight may stand")
    scores = x.to(torch.promote_types(x.dtype, torch.float32))
    if temperature != 1:
        scores = scores / temperature
    return scores, scores > -torch.inf if mask is None else mask


def _normalised(scores: Tensor, allowed: Tensor, dim: int) -> Tensor:
    """Softmax over what is allowed. The lowest finite number in place of the rest keeps empty rows from NaN."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~allowed, lowest).softmax(dim).masked_fill(~allowed, 0.0)


def _one(scores: Tensor, allowed: Tensor, dim: int) -> Tensor:
    """One at the largest allowed score, the first of equal ones."""
    weights = torch.zeros_like(scores)
    if scores.shape[dim] == 0:
        return weights
    index = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min).argmax(dim, keepdim=True)
    return weights.scatter_(dim, index, 1.0).masked_fill_(~allowed, 0.0)


def _sparse(x: Tensor, alpha: float, dim: int, temperature: float, mask: Tensor | None) -> Tensor:
    """Entmax over what is allowed, for 1 < α <= 2."""
    scores, allowed = _prepared(x, temperature, mask)
    if scores.shape[dim] == 0:
        return x.clone()
    masked = scores.masked_fill(~allowed, torch.finfo(scores.dtype).min)
    weights: Tensor = _Entmax.apply(masked.transpose(dim, -1), alpha).transpose(dim, -1)
    return weights.masked_fill(~allowed, 0.0).to(x.dtype)


class _Entmax(torch.autograd.Function):
    """Along the last dimension; the three ways to compute it have one gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, alpha: float) -> Tensor:
        below = x - x.amax(-1, keepdim=True)
        if alpha == 2:
            weights = _sparsemax(below)
        elif alpha == 1.5:
            weights = _entmax15(below)
        else:
            weights = _bisected(below, alpha)
        # Takes away what rounding has left in the threshold.
        return weights / weights.sum(-1, keepdim=True)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.alpha = inputs[1]
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _times_jacobian(ctx.saved_tensors[0], gradients[0], ctx.alpha), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return _times_jacobian(ctx.saved_tensors[0], tangents[0], ctx.alpha)


def _times_jacobian(p: Tensor, vector: Tensor, alpha: float) -> Tensor:
    """The Jacobian diag(s) - s sᵀ / Σ s, s = p^(2 - α) on the support and 0 outside, times a vector; it is symmetric.

    Peters et al. (2019), section 3; for α = 2, Martins & Astudillo (2016), section 2.5.
    """
    support = p > 0
    s = torch.where(support, torch.where(support, p, 1.0).pow(2 - alpha), 0.0)
    return s * (vector - (s * vector).sum(-1, keepdim=True) / s.sum(-1, keepdim=True))


def _sparsemax(x: Tensor) -> Tensor:
    """Martins & Astudillo (2016), algorithm 1, of scores whose largest is 0; those below -1 get no weight."""
    x = x.clamp(min=-2)
    ordered = x.sort(-1, descending=True).values
    ranks = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    beyond = ordered.cumsum(-1) - 1
    size = (ranks * ordered > beyond).sum(-1, keepdim=True)
    return (x - beyond.gather(-1, size - 1) / size).clamp(min=0)


def _entmax15(x: Tensor) -> Tensor:
    """Peters et al. (2019), algorithm 2, of scores whose largest is 0; those below -2 get no weight."""
    x = (x / 2).clamp(min=-2)
    ordered = x.sort(-1, descending=True).values
    ranks = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    mean = ordered.cumsum(-1) / ranks
    deviation = ordered.square().cumsum(-1) - ranks * mean.square()
    thresholds = mean - ((1 - deviation) / ranks).clamp(min=0).sqrt()
    size = (thresholds <= ordered).sum(-1, keepdim=True)
    return (x - thresholds.gather(-1, size - 1)).clamp(min=0).square()


def _bisected(x: Tensor, alpha: float) -> Tensor:
    """Entmax of scores whose largest is 0, for 1 < α < 2.

    With β = α - 1 weights are (1 + β (x + u))₊^(1 / β), and u is what makes them sum to one. In place of the threshold
    t = -(1 + β u), u keeps its precision where α is close to 1, and the weights exp(x + u). Of d scores that may get a
    weight, none is above the largest's 1 at u = 0, nor does any exceed 1 / d at the lower end.
    """
    beta = alpha - 1
    count = (x > -1 / beta).sum(-1, keepdim=True).to(x.dtype)
    low, high = torch.expm1(-beta * count.log()) / beta, torch.zeros_like(count)
    for _ in range(torch.finfo(x.dtype).bits):
        middle = (low + high) / 2
        above = _powers(x + middle, beta).sum(-1, keepdim=True) > 1
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return _powers(x + high, beta)


def _powers(values: Tensor, beta: float) -> Tensor:
    """(1 + β v)₊^(1 / β)."""
    return ((beta * values).clamp(min=-1).log1p() / beta).exp()
