"""Averaging in place of a schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor
from torch.optim.optimizer import ParamsT

from zoo.optimizers.options import NonNegative, Share
from zoo.optimizers.stepping import State, step_each

_TRAINING = "training"


class ScheduleFree(torch.optim.Optimizer):
    """Schedule-free SGD and AdamW; Defazio et al. (2024), equations 3 to 5 and algorithm 1.

    At y = (1 - β₁) z + β₁ x the gradient g is taken; z ← z - γ d - γ λ y; x ← (1 - c) x + c z with c = γ² / Σ γ²,
    and γ = η min(1, t / w). For SGD d = g, for AdamW d = g / (√v̂ + ε) with v as in Adam. Algorithm 1 multiplies γ by
    √(1 - β₂ᵗ) instead of dividing v by 1 - β₂ᵗ; this is the sounder form, of the authors' later code.

    In training the weights are y; `eval()` puts the mean x there, which is what to evaluate and to keep, and `train()`
    exactly y again. x and z are the state, y follows from them.

    Args:
        params: tensors or groups, whose own options win over those here.
        base: `adamw` or `sgd`.
        lr: η.
        betas: β₁, how near to x gradients are taken, and β₂, of v.
        eps: ε.
        weight_decay: λ, taken at y.
        warmup_steps: w.
    """

    def __init__(
        self,
        params: ParamsT,
        base: Literal["adamw", "sgd"],
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        warmup_steps: int,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "warmup_steps": warmup_steps}
        super().__init__(params, {**options, _TRAINING: True})
        self.base = base

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what the closure returned.

        Raises:
            RuntimeError: the weights are those of `eval()`.
        """
        if not all(group[_TRAINING] for group in self.param_groups):
            raise RuntimeError("the weights are the evaluated means; call train() before the next step")
        return step_each(self, closure, self._update)

    def _update(self, parameter: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        if not state:
            state.update(step=0, sum=0.0, x=parameter.clone(), z=parameter.clone())
            if self.base == "adamw":
                state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        rate = group["lr"] * min(1.0, state["step"] / max(group["warmup_steps"], 1))
        state["sum"] += rate**2
        near, keep = group["betas"]
        z, x = state["z"], state["x"]
        if group["weight_decay"]:
            z.sub_(parameter, alpha=rate * group["weight_decay"])
        if self.base == "adamw":
            square = state["square"].mul_(keep).addcmul_(gradient, gradient, value=1 - keep)
            spread = (square / (1 - keep ** state["step"])).sqrt_().add_(group["eps"])
            z.addcdiv_(gradient, spread, value=-rate)
        else:
            z.sub_(gradient, alpha=rate)
        if state["sum"] > 0:
            x.lerp_(z, rate**2 / state["sum"])
        parameter.copy_(torch.lerp(z, x, near))

    @torch.no_grad()
    def eval(self) -> None:
        """Put the means x there."""
        for group in self.param_groups:
            for parameter in group["params"] if group[_TRAINING] else ():
                if "x" in self.state.get(parameter, {}):
                    parameter.copy_(self.state[parameter]["x"])
            group[_TRAINING] = False

    @torch.no_grad()
    def train(self) -> None:
        """Put the points y there, at which gradients are taken."""
        for group in self.param_groups:
            for parameter in () if group[_TRAINING] else group["params"]:
                if "x" in self.state.get(parameter, {}):
                    state = self.state[parameter]
                    parameter.copy_(torch.lerp(state["z"], state["x"], group["betas"][0]))
            group[_TRAINING] = True

    @torch.no_grad()
    def frozen(self, parameters: Sequence[Tensor]) -> None:
        """Leave the means x of these in place, and forget the rest."""
        for parameter in parameters:
            if "x" in self.state.get(parameter, {}):
                parameter.copy_(self.state.pop(parameter)["x"])


def schedule_free(
    params: ParamsT,
    base: Literal["adamw", "sgd"] = "adamw",
    lr: NonNegative | None = None,
    betas: tuple[Share, Share] = (0.9, 0.999),
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: NonNegative = 0.0,
    warmup_steps: Annotated[int, Ge(0)] = 0,
) -> ScheduleFree:
    """Schedule-free SGD or AdamW: a mean of the iterates takes the place of a falling learning rate.

    Defazio et al. (2024): y = (1 - β₁) z + β₁ x, z ← z - γ d(∇L(y)) - γ λ y, x ← (1 - c) x + c z, c = γ² / Σ γ².
    x is evaluated and kept. Use it with schedule=constant.

    Args:
        params: tensors or groups.
        base: what d is: AdamW's g / (√v̂ + ε), or SGD's g.
        lr: η, of γ = η min(1, t / w); null is 0.0025 for AdamW and 1 for SGD.
        betas: β₁, and β₂ of v, which SGD has not.
        eps: ε, which SGD has not.
        weight_decay: λ.
        warmup_steps: w.
    """
    rate = {"adamw": 0.0025, "sgd": 1.0}[base] if lr is None else lr
    return ScheduleFree(params, base, rate, betas, eps, weight_decay, warmup_steps)
