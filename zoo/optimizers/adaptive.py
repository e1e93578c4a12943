"""Learning rates of each weight's own, from the squares of its gradients: Adagrad, Adadelta, RMSprop. torch's."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch.optim.optimizer import ParamsT

from zoo.optimizers.kernels import check_kernels, clippable, fused_kernel, listed
from zoo.optimizers.options import NonNegative, Share


def adagrad(
    params: ParamsT,
    lr: NonNegative = 0.01,
    lr_decay: NonNegative = 0.0,
    weight_decay: NonNegative = 0.0,
    initial_accumulator_value: NonNegative = 0.0,
    eps: Annotated[float, Gt(0)] = 1e-10,
    foreach: bool | None = None,
    fused: bool | None = None,
) -> torch.optim.Adagrad:
    """Adagrad: s ← s + g², θ ← θ - η/(1 + (t - 1) κ) · g / (√s + ε).

    Duchi, Hazan & Singer (2011), figure 1, with diagonal matrices.

    Args:
        params: tensors or groups.
        lr: η.
        lr_decay: κ.
        weight_decay: λ, coupled: g includes λ θ.
        initial_accumulator_value: the first s.
        eps: ε.
        foreach: one kernel for many tensors; None is torch's choice.
        fused: one kernel for everything; None is yes for parameters on the CPU, else torch's choice. Sparse gradients
            need false.

    Raises:
        ValueError: options that exclude each other.
    """
    check_kernels(foreach, fused)
    params = listed(params)
    optimizer = torch.optim.Adagrad(
        params,
        lr=lr,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        initial_accumulator_value=initial_accumulator_value,
        eps=eps,
        foreach=foreach,
        fused=fused_kernel(params, foreach, fused),
    )
    return clippable(optimizer)


def adadelta(
    params: ParamsT,
    lr: NonNegative = 1.0,
    rho: Share = 0.9,
    eps: Annotated[float, Gt(0)] = 1e-6,
    weight_decay: NonNegative = 0.0,
    foreach: bool | None = None,
) -> torch.optim.Adadelta:
    """Adadelta: steps in the units of the weights.

    E[g²] ← ρ E[g²] + (1 - ρ) g², Δ = √(E[Δ²] + ε) / √(E[g²] + ε) · g, E[Δ²] ← ρ E[Δ²] + (1 - ρ) Δ², θ ← θ - η Δ.
    Zeiler (2012), algorithm 1, which has η = 1.

    Args:
        params: tensors or groups.
        lr: η.
        rho: ρ.
        eps: ε.
        weight_decay: λ, coupled: g includes λ θ.
        foreach: one kernel for many tensors; None is torch's choice.
    """
    return torch.optim.Adadelta(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, foreach=foreach)


def rmsprop(
    params: ParamsT,
    lr: NonNegative = 0.01,
    alpha: Share = 0.99,
    eps: Annotated[float, Gt(0)] = 1e-8,
    momentum: Share = 0.0,
    centered: bool = False,
    weight_decay: NonNegative = 0.0,
    foreach: bool | None = None,
) -> torch.optim.RMSprop:
    """RMSprop: s ← α s + (1 - α) g², d = g / (√s + ε), θ ← θ - η d, or with momentum v ← μ v + d, θ ← θ - η v.

    Tieleman & Hinton (2012), lecture 6.5. Centred: the mean gradient's square is taken off s (Graves 2013,
    equations 38 to 41).

    Args:
        params: tensors or groups.
        lr: η.
        alpha: α.
        eps: ε.
        momentum: μ.
        centered: divide by the standard deviation instead of the root mean square.
        weight_decay: λ, coupled: g includes λ θ.
        foreach: one kernel for many tensors; None is torch's choice.
    """
    return torch.optim.RMSprop(
        params,
        lr=lr,
        alpha=alpha,
        eps=eps,
        momentum=momentum,
        centered=centered,
        weight_decay=weight_decay,
        foreach=foreach,
    )
