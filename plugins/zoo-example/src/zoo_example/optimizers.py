"""The optimizer Lion of Chen et al. (2023)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from annotated_types import Ge, Interval
from torch import Tensor
from torch.optim.optimizer import ParamsT

Share = Annotated[float, Interval(ge=0, le=1)]


class Lion(torch.optim.Optimizer):
    """Evolved sign momentum: Chen et al. (2023), "Symbolic Discovery of Optimization Algorithms", algorithm 2.

    With the gradient g, the momentum m (zero at the start) and the parameters θ, every step does

        c ← β1 m + (1 - β1) g
        θ ← θ - η (sign(c) + λ θ)
        m ← β2 m + (1 - β2) g

    Every weight moves by η, whatever its gradient, so the paper advises a learning rate three to ten times
    smaller than AdamW's, and a weight decay larger by as much (section 5).

    Args:
        params: tensors or groups, whose own options win over those here.
        lr: η.
        betas: β1, of the direction, and β2, of the momentum.
        weight_decay: λ, decoupled: it is not in the sign.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: Annotated[float, Ge(0)] = 1e-4,
        betas: tuple[Share, Share] = (0.9, 0.99),
        weight_decay: Annotated[float, Ge(0)] = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step.

        Args:
            closure: computes loss and gradients anew.

        Returns:
            What the closure returned.

        Raises:
            RuntimeError: a gradient is sparse or complex.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        if gradient.layout is not torch.strided or gradient.is_complex():
            raise RuntimeError("Lion takes the sign of gradients, which sparse and complex ones do not have")
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"]
        towards_direction, towards_momentum = (1 - beta for beta in group["betas"])
        direction = momentum.lerp(gradient, towards_direction).sign_()
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction, alpha=group["lr"])
        momentum.lerp_(gradient, towards_momentum)
