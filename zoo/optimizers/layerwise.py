"""Steps as long as the weights of their layer allow: LARS and LAMB, for large batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt
from torch import Tensor
from torch.optim.optimizer import ParamsT

from zoo.optimizers.options import NonNegative, Share
from zoo.optimizers.stepping import State, step_each

#: Whose steps are scaled: every parameter's, or matrices' and kernels' alone, which spares biases and norms.
Scaled = Literal["matrices", "all"]


def trust_ratio(length: Tensor, against: Tensor) -> Tensor:
    """length / against, and 1 where either is zero."""
    return torch.where((length > 0) & (against > 0), length / against, torch.ones_like(length))


def _is_scaled(parameter: Tensor, scaled: Scaled) -> bool:
    return scaled == "all" or parameter.ndim > 1


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling; You, Gitman & Ginsburg (2017), algorithm 1.

    For each parameter v ← μ v + η τ ‖θ‖ / (‖g‖ + λ ‖θ‖) (g + λ θ), θ ← θ - v. Where the weights or the gradient are
    all zero, and for parameters that are not scaled, v ← μ v + η (g + λ θ).

    Args:
        params: tensors or groups, whose own options win over those here.
        lr: η. With the usual τ it is large: 1 to 30.
        momentum: μ.
        trust: τ, how far a layer trusts its own gradient.
        weight_decay: λ, coupled.
        scaled: whose steps are scaled: `matrices` spares biases and normalisations, as the authors' code does.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: NonNegative = 1.0,
        momentum: Share = 0.9,
        trust: Annotated[float, Gt(0)] = 0.001,
        weight_decay: NonNegative = 0.0,
        scaled: Scaled = "matrices",
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "trust": trust, "weight_decay": weight_decay, "scaled": scaled}
        super().__init__(params, options)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what the closure returned."""
        return step_each(self, closure, self._update)

    def _update(self, parameter: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        decay = group["weight_decay"]
        change = gradient.add(parameter, alpha=decay)
        if _is_scaled(parameter, group["scaled"]):
            weights, slope = torch.linalg.vector_norm(parameter), torch.linalg.vector_norm(gradient)
            usable = (weights > 0) & (slope > 0)
            local = group["trust"] * weights / (slope + decay * weights)
            change = change * torch.where(usable, local, torch.ones_like(local))
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        velocity = state["velocity"].mul_(group["momentum"]).add_(change, alpha=group["lr"])
        parameter.sub_(velocity)


class LAMB(torch.optim.Optimizer):
    """Layer-wise adaptive moments; You et al. (2020), algorithm 2, with the scaling function φ(z) = z.

    m and v as in Adam, r = m̂ / (√v̂ + ε), and for each parameter θ ← θ - η ‖θ‖ / ‖r + λ θ‖ (r + λ θ). Where either
    norm is zero, and for parameters that are not scaled, θ ← θ - η (r + λ θ).

    Args:
        params: tensors or groups, whose own options win over those here.
        lr: η.
        betas: β₁ and β₂, how much of the running means of g and g² is kept a step.
        eps: ε.
        weight_decay: λ, scaled with the step.
        scaled: whose steps are scaled: `matrices` spares biases and normalisations, as the authors' code does.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: NonNegative = 0.001,
        betas: tuple[Share, Share] = (0.9, 0.999),
        eps: Annotated[float, Gt(0)] = 1e-6,
        weight_decay: NonNegative = 0.01,
        scaled: Scaled = "matrices",
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "scaled": scaled}
        super().__init__(params, options)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what the closure returned."""
        return step_each(self, closure, self._update)

    def _update(self, parameter: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        if not state:
            state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
        state["step"] += 1
        first, second = group["betas"]
        mean = state["mean"].lerp_(gradient, 1 - first)
        square = state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        spread = (square / (1 - second ** state["step"])).sqrt_().add_(group["eps"])
        change = (mean / (1 - first ** state["step"])).div_(spread).add_(parameter, alpha=group["weight_decay"])
        if _is_scaled(parameter, group["scaled"]):
            change *= trust_ratio(torch.linalg.vector_norm(parameter), torch.linalg.vector_norm(change))
        parameter.sub_(change, alpha=group["lr"])
