"""torch's optimizers, with ranges.

`params` is what torch takes: tensors, or groups such as those of `zoo.optimizers.parameter_groups`, whose own
options win over the arguments here.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch.optim.optimizer import ParamsT

from zoo.optimizers.kernels import check_kernels, clippable, fused_kernel, listed
from zoo.optimizers.options import NonNegative, Share


def sgd(
    params: ParamsT,
    lr: NonNegative = 0.01,
    momentum: Share = 0.0,
    nesterov: bool = False,
    weight_decay: NonNegative = 0.0,
    dampening: Annotated[float, Interval(ge=0, le=1)] = 0.0,
    foreach: bool | None = None,
    fused: bool | None = None,
) -> torch.optim.SGD:
    """Stochastic gradient descent: v ← μ v + (1 - τ) g, θ ← θ - η v; the first v is g.

    Nesterov's momentum steps along g + μ v (Sutskever et al. 2013, section 2). Weight decay is coupled: g
    includes λ θ.

    Args:
        params: tensors or groups.
        lr: η.
        momentum: μ.
        nesterov: whether to look ahead.
        weight_decay: λ.
        dampening: τ.
        foreach: one kernel for many tensors; None is torch's choice.
        fused: one kernel for everything; None is yes with momentum for parameters on the CPU, else torch's choice.
            Sparse gradients need false.

    Raises:
        ValueError: options that exclude each other.
    """
    if nesterov and (momentum == 0 or dampening != 0):
        raise ValueError("nesterov: needs momentum and no dampening; set momentum=0.9 and dampening=0")
    if dampening != 0 and momentum == 0:
        raise ValueError("dampening: has no effect without momentum; set momentum too or leave it out")
    check_kernels(foreach, fused)
    params = listed(params)
    optimizer = torch.optim.SGD(
        params,
        lr=lr,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=weight_decay,
        dampening=dampening,
        foreach=foreach,
        fused=fused_kernel(params, foreach, fused) if momentum else fused,
    )
    return clippable(optimizer)


def adam(
    params: ParamsT,
    lr: NonNegative = 0.001,
    betas: tuple[Share, Share] = (0.9, 0.999),
    eps: NonNegative = 1e-8,
    weight_decay: NonNegative = 0.0,
    amsgrad: bool = False,
    foreach: bool | None = None,
    fused: bool | None = None,
) -> torch.optim.Adam:
    """Adam (Kingma & Ba 2015, algorithm 1): θ ← θ - η m̂ / (√v̂ + ε).

    Weight decay is coupled: g includes λ θ, so that it is scaled like a gradient; `adamw` decouples it.

    Args:
        params: tensors or groups.
        lr: η.
        betas: β₁ and β₂, how much of the running means of g and g² is kept a step.
        eps: ε.
        weight_decay: λ.
        amsgrad: divides by the largest v so far; Reddi et al. (2018), algorithm 2.
        foreach: one kernel for many tensors; None is torch's choice.
        fused: one kernel for everything; None is yes for parameters on the CPU, else torch's choice.

    Raises:
        ValueError: options that exclude each other.
    """
    check_kernels(foreach, fused)
    params = listed(params)
    optimizer = torch.optim.Adam(
        params,
        lr=lr,
        betas=betas,
        eps=eps,
        weight_decay=weight_decay,
        amsgrad=amsgrad,
        foreach=foreach,
        fused=fused_kernel(params, foreach, fused),
    )
    return clippable(optimizer)


def adamw(
    params: ParamsT,
    lr: NonNegative = 0.001,
    betas: tuple[Share, Share] = (0.9, 0.999),
    eps: NonNegative = 1e-8,
    weight_decay: NonNegative = 0.01,
    amsgrad: bool = False,
    foreach: bool | None = None,
    fused: bool | None = None,
) -> torch.optim.AdamW:
    """Adam with decoupled weight decay: θ ← (1 - η λ) θ - η m̂ / (√v̂ + ε).

    Loshchilov & Hutter (2019), algorithm 2.

    Args:
        params: tensors or groups.
        lr: η.
        betas: β₁ and β₂, how much of the running means of g and g² is kept a step.
        eps: ε.
        weight_decay: λ.
        amsgrad: divides by the largest v so far; Reddi et al. (2018), algorithm 2.
        foreach: one kernel for many tensors; None is torch's choice.
        fused: one kernel for everything; None is yes for parameters on the CPU, else torch's choice.

    Raises:
        ValueError: options that exclude each other.
    """
    check_kernels(foreach, fused)
    params = listed(params)
    optimizer = torch.optim.AdamW(
        params,
        lr=lr,
        betas=betas,
        eps=eps,
        weight_decay=weight_decay,
        amsgrad=amsgrad,
        foreach=foreach,
        fused=fused_kernel(params, foreach, fused),
    )
    return clippable(optimizer)
