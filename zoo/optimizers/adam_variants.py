"""Adam with another norm, another momentum, another start: Adamax, NAdam, RAdam. torch's."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch.optim.optimizer import ParamsT

from zoo.optimizers.options import NonNegative, Share


def adamax(
    params: ParamsT,
    lr: NonNegative = 0.002,
    betas: tuple[Share, Share] = (0.9, 0.999),
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: NonNegative = 0.0,
    foreach: bool | None = None,
) -> torch.optim.Adamax:
    """Adamax: m ← β₁ m + (1 - β₁) g, u ← max(β₂ u, |g| + ε), θ ← θ - η/(1 - β₁ᵗ) · m/u.

    Kingma & Ba (2015), algorithm 2; ε, which the paper has not, keeps the division sound.

    Args:
        params: tensors or groups.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ, coupled: g includes λ θ.
        foreach: one kernel for many tensors; None is torch's choice.
    """
    return torch.optim.Adamax(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach)


def nadam(
    params: ParamsT,
    lr: NonNegative = 0.002,
    betas: tuple[Share, Share] = (0.9, 0.999),
    eps: Annotated[float, Gt(0)] = 1e-8,
    momentum_decay: NonNegative = 0.004,
    weight_decay: NonNegative = 0.0,
    decoupled: bool = False,
    foreach: bool | None = None,
) -> torch.optim.NAdam:
    """Adam with Nesterov's momentum, which warms up: μₜ = β₁ (1 - ½ 0.96^(t ψ)).

    θ ← θ - η (μₜ₊₁ m / (1 - Πᵗ⁺¹μ) + (1 - μₜ) g / (1 - Πᵗμ)) / (√v̂ + ε), where Πᵗμ = μ₁ ⋯ μₜ.

    Dozat (2016), algorithm 2, with the warming momentum of its section 3.

    Args:
        params: tensors or groups.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        momentum_decay: ψ.
        weight_decay: λ.
        decoupled: θ ← (1 - η λ) θ as in AdamW, instead of λ θ in g.
        foreach: one kernel for many tensors; None is torch's choice.
    """
    return torch.optim.NAdam(
        params,
        lr=lr,
        betas=betas,
        eps=eps,
        momentum_decay=momentum_decay,
        weight_decay=weight_decay,
        decoupled_weight_decay=decoupled,
        foreach=foreach,
    )


def radam(
    params: ParamsT,
    lr: NonNegative = 0.001,
    betas: tuple[Share, Share] = (0.9, 0.999),
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: NonNegative = 0.0,
    decoupled: bool = False,
    foreach: bool | None = None,
) -> torch.optim.RAdam:
    """Rectified Adam: Adam's step times r(t), and θ ← θ - η m̂ while v has too few gradients to have a variance.

    ρ∞ = 2/(1 - β₂) - 1, ρ(t) = ρ∞ - 2 t β₂ᵗ/(1 - β₂ᵗ); for ρ(t) > 5
    r(t) = √[(ρ(t) - 4)(ρ(t) - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ(t))].
    Liu et al. (2020), algorithm 2, which has ρ(t) > 4; its authors' code has 5.

    Args:
        params: tensors or groups.
        lr: η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ.
        decoupled: θ ← (1 - η λ) θ as in AdamW, instead of λ θ in g.
        foreach: one kernel for many tensors; None is torch's choice.
    """
    return torch.optim.RAdam(
        params,
        lr=lr,
        betas=betas,
        eps=eps,
        weight_decay=weight_decay,
        decoupled_weight_decay=decoupled,
        foreach=foreach,
    )
