"""Gradients made shorter, in place."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def clip_by_value(parameters: Iterable[Tensor], limit: float) -> None:
    """Each entry of each gradient to between -limit and limit. torch's.

    Args:
        parameters: whose gradients are clipped; those without one are skipped.
        limit: largest absolute value that is left alone, over zero.

    Raises:
        ValueError: the limit is not positive.
    """
    _check("limit", limit)
    if found := [parameter for parameter in parameters if parameter.grad is not None]:
        nn.utils.clip_grad_value_(found, limit)


def clip_by_norm(parameters: Iterable[Tensor], limit: float, p: float = 2.0) -> Tensor:
    """All gradients together to a p-norm of `limit`, in proportion; Pascanu et al. (2013), algorithm 1. torch's.

    Args:
        parameters: whose gradients are clipped; those without one are skipped.
        limit: largest norm that is left alone, over zero.
        p: of the norm (Σ |g|ᵖ)^(1/p), over zero; infinity is the largest entry.

    Returns:
        The norm before.

    Raises:
        ValueError: limit or p is not positive.
    """
    _check("limit", limit)
    if not p > 0:
        raise ValueError(f"p: {p} is no norm; give more than 0, or inf")
    return nn.utils.clip_grad_norm_(list(parameters), limit, norm_type=p)


def unit_norms(tensor: Tensor) -> Tensor:
    """The 2-norm of what belongs to each unit of output: (N, 1, ...) for (N, ...), and one for a vector.

    Brock et al. (2021), section 4: rows of a matrix, filters of a convolution; a bias or a gain as a whole.
    """
    if tensor.ndim <= 1:
        whole: Tensor = torch.linalg.vector_norm(tensor)
        return whole
    each: Tensor = torch.linalg.vector_norm(tensor, dim=tuple(range(1, tensor.ndim)), keepdim=True)
    return each


@torch.no_grad()
def clip_adaptively(parameters: Iterable[Tensor], limit: float = 0.01, eps: float = 1e-3) -> None:
    """Adaptive gradient clipping: G ← λ W*/‖G‖ G for each unit whose ‖G‖/W* is over λ, W* = max(‖W‖, ε).

    Brock et al. (2021), equation 3, which leaves out the last layer: pass the parameters of the others.

    Args:
        parameters: whose gradients are clipped; those without one are skipped.
        limit: λ, largest gradient as a share of the weights, over zero.
        eps: ε, over zero, so that weights which are all zero can grow.

    Raises:
        ValueError: limit or eps is not positive.
    """
    _check("limit", limit)
    _check("eps", eps)
    for parameter in parameters:
        if parameter.grad is None:
            continue
        most = limit * unit_norms(parameter).clamp_(min=eps)
        norms = unit_norms(parameter.grad)
        parameter.grad.mul_(torch.where(norms > most, most / norms, torch.ones_like(norms)))


def _check(name: str, value: float) -> None:
    if not value > 0 or math.isinf(value):
        raise ValueError(f"{name}: {value} clips nothing sensible; give a finite number over 0")
