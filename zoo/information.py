"""Quantities of information theory, of distributions given as tensors; Shannon (1948), Cover & Thomas (2006).

Every function takes probabilities with any batch dimensions in front, computes in float32 or wider, and is zero-safe:
0 log 0 = 0, in the value and in the gradient. Logarithms are natural, for nats, or to the base 2, for bits.

With p and q over the same K outcomes, `cross_entropy(p, q) = entropy(p) + kl_divergence(p, q)`.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Unit = Literal["nats", "bits"]

__all__ = ["Unit", "cross_entropy", "entropy", "information_content", "kl_divergence", "mutual_information"]


def information_content(p: Tensor, unit: Unit = "nats") -> Tensor:
    """I = -log p, the surprise of an outcome of probability p; Cover & Thomas, section 2.1.

    Args:
        p: probabilities of single outcomes, of any shape; they need not sum to one. 0 has infinite content.
        unit: `nats` or `bits`.

    Returns:
        The content of each, of p's shape.

    Raises:
        TypeError: p is not a floating-point tensor.
        ValueError: a probability is negative, above one or NaN; an unknown unit.

    Example:
        >>> information_content(torch.tensor([1.0, 0.5, 0.125]), unit="bits").tolist()
        [0.0, 1.0, 3.0]
    """
    p = _probabilities("p", p)
    above = _first(p > 1 + _tolerance(p))
    if above is not None:
        raise ValueError(f"p: {p[above].item():.6g}{_place(above)} is no probability; it is above one")
    return _in_unit(0 - p.clamp(max=1).log(), unit)


def entropy(p: Tensor, unit: Unit = "nats") -> Tensor:
    """H(p) = -Σ p log p; Shannon (1948), section 6. From 0, for a sure outcome, to log K, for K equal ones.

    Args:
        p: distributions over K outcomes, (..., K).
        unit: `nats` or `bits`.

    Returns:
        The entropies, (...).

    Raises:
        TypeError: p is not a floating-point tensor.
        ValueError: p is negative or NaN somewhere, or does not sum to one; an unknown unit.

    Example:
        >>> entropy(torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]), unit="bits").tolist()
        [1.0, 1.5]
    """
    p = _distributions("p", p)
    return _in_unit(-_xlogy(p, p).sum(-1), unit)


def cross_entropy(p: Tensor, q: Tensor, unit: Unit = "nats") -> Tensor:
    """H(p, q) = -Σ p log q: the mean content of outcomes of p under the belief q.

    Infinite where q rules out an outcome that p does not.

    Args:
        p: distributions over K outcomes, (..., K).
        q: the same, of a shape that broadcasts with p's.
        unit: `nats` or `bits`.

    Returns:
        The cross-entropies, (...).

    Raises:
        TypeError: p or q is not a floating-point tensor.
        ValueError: one is negative or NaN somewhere, or does not sum to one; K differs; an unknown unit.

    Example:
        >>> p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
        >>> round(cross_entropy(p, q, unit="bits").item(), 4)
        1.2075
    """
    p, q = _pair(p, q)
    return _in_unit(-_xlogy(p, q).sum(-1), unit)


def kl_divergence(p: Tensor, q: Tensor, unit: Unit = "nats") -> Tensor:
    """D(p ‖ q) = Σ p log (p / q); Kullback & Leibler (1951). Zero only where p = q, and not symmetric.

    Infinite where q rules out an outcome that p does not.

    Args:
        p: distributions over K outcomes, (..., K).
        q: the same, of a shape that broadcasts with p's.
        unit: `nats` or `bits`.

    Returns:
        The divergences, (...).

    Raises:
        TypeError: p or q is not a floating-point tensor.
        ValueError: one is negative or NaN somewhere, or does not sum to one; K differs; an unknown unit.

    Example:
        >>> p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
        >>> round(kl_divergence(p, q, unit="bits").item(), 4)
        0.2075
    """
    p, q = _pair(p, q)
    return _in_unit((_xlogy(p, p) - _xlogy(p, q)).sum(-1), unit)


def mutual_information(joint: Tensor, unit: Unit = "nats") -> Tensor:
    """I(X; Y) = Σ p(x, y) log (p(x, y) / (p(x) p(y))), the divergence of a joint from independence.

    Args:
        joint: joint distributions of X and Y, (..., |X|, |Y|); the last two dimensions sum to one together.
        unit: `nats` or `bits`.

    Returns:
        The mutual informations, (...).

    Raises:
        TypeError: the joint is not a floating-point tensor.
        ValueError: it has fewer than two dimensions, is negative or NaN somewhere, or does not sum to one; an
            unknown unit.

    Example:
        >>> mutual_information(torch.tensor([[0.5, 0.0], [0.0, 0.5]]), unit="bits").item()
        1.0
    """
    if joint.ndim < 2:
        raise ValueError(f"joint: shape {tuple(joint.shape)} has no two variables; give (..., |X|, |Y|)")
    joint = _distributions("joint", joint, dimensions=2)
    x, y = joint.sum(-1, keepdim=True), joint.sum(-2, keepdim=True)
    terms = _xlogy(joint, joint) - _xlogy(joint, x) - _xlogy(joint, y)
    return _in_unit(terms.sum((-2, -1)), unit)


def _xlogy(x: Tensor, y: Tensor) -> Tensor:
    """x log y, and 0 where x is, whatever y; there its gradient with respect to y is 0 too."""
    counts = x > 0
    return torch.where(counts, x * torch.where(counts, y, 1.0).log(), 0.0)


def _in_unit(nats: Tensor, unit: Unit) -> Tensor:
    """A number of nats in another unit.

    Raises:
        ValueError: there is none of this name.
    """
    if unit not in ("nats", "bits"):
        raise ValueError(f"unit: {unit!r} is unknown; choose nats or bits")
    return nats / math.log(2) if unit == "bits" else nats


def _pair(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Two distributions over the same outcomes, checked.

    Raises:
        ValueError: they are not.
    """
    p, q = _distributions("p", p), _distributions("q", q)
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"p has {p.shape[-1]} outcomes and q {q.shape[-1]}; give the same to both")
    return p, q


def _distributions(name: str, values: Tensor, dimensions: int = 1) -> Tensor:
    """Distributions over the last dimensions, in float32 or wider, checked.

    Raises:
        ValueError: they are none.
    """
    values = _probabilities(name, values)
    if values.ndim < dimensions:
        raise ValueError(f"{name}: a single number is no distribution; give (..., K)")
    sums = values.sum(tuple(range(-dimensions, 0)))
    wrong = _first(~((sums - 1).abs() <= _tolerance(values)))
    if wrong is not None:
        raise ValueError(f"{name}: sums to {sums[wrong].item():.6g}{_place(wrong)}; divide it by its sum")
    return values


def _probabilities(name: str, values: Tensor) -> Tensor:
    """Numbers that are not negative, in float32 or wider.

    Raises:
        TypeError: they are no floating-point tensor.
        ValueError: one is negative or NaN.
    """
    if not isinstance(values, Tensor) or not values.is_floating_point():
        given = str(values.dtype) if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(f"{name}: {given} given; give probabilities as a floating-point tensor")
    wrong = _first(~(values >= 0))
    if wrong is not None:
        raise ValueError(f"{name}: {values[wrong].item():.6g}{_place(wrong)} is no probability; it must be 0 or more")
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _tolerance(values: Tensor) -> float:
    """How far from one a sum of probabilities of this type may be by rounding: 3e-4 in float32."""
    return float(torch.finfo(values.dtype).eps ** 0.5)


def _first(wrong: Tensor) -> tuple[int, ...] | None:
    """Where the first true element stands."""
    return tuple(wrong.nonzero()[0].tolist()) if bool(wrong.any()) else None


def _place(index: tuple[int, ...]) -> str:
    """Words for a place in a tensor; none where there is only one."""
    return f" at {list(index)}" if index else ""
