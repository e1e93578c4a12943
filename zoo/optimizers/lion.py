"""Steps of one length for every weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from zoo.optimizers.options import NonNegative, Share
from zoo.optimizers.stepping import State, step_each


class Lion(torch.optim.Optimizer):
    """Evolved sign momentum: c = β₁ m + (1 - β₁) g, θ ← θ - η (sign c + λ θ), m ← β₂ m + (1 - β₂) g.

    Chen et al. (2023), algorithm 2. Section 5 there advises a learning rate three to ten times smaller than AdamW's,
    and a weight decay larger by as much.

    Args:
        params: tensors or groups, whose own options win over those here.
        lr: η, the length of every weight's step.
        betas: β₁ and β₂.
        weight_decay: λ, decoupled.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: NonNegative = 1e-4,
        betas: tuple[Share, Share] = (0.9, 0.99),
        weight_decay: NonNegative = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what the closure returned."""
        return step_each(self, closure, self._update)

    def _update(self, parameter: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        if "mean" not in state:
            state["mean"] = torch.zeros_like(parameter)
        for_direction, for_mean = group["betas"]
        direction = torch.lerp(state["mean"], gradient, 1 - for_direction).sign_()
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction, alpha=group["lr"])
        state["mean"].lerp_(gradient, 1 - for_mean)
