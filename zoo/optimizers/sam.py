"""Gradients of the neighbourhood's worst point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from zoo.optimizers.combined import Combined, with_rate
from zoo.optimizers.options import Inner, NonNegative
from zoo.optimizers.stepping import evaluated


class SAM(Combined):
    """Sharpness-aware minimisation around another optimizer; Foret et al. (2021), algorithm 1.

    g = ∇L(θ), e = ρ g / ‖g‖ over all parameters together, and the other optimizer steps from θ along ∇L(θ + e). Two
    evaluations a step, both of the same random numbers (dropout masks). Adaptive: e = ρ T² g / ‖T g‖ with T = |θ|
    (Kwon et al. 2021, algorithm 1, p = 2, η = 0), which no rescaling of the weights changes.

    Args:
        inner: the optimizer that steps.
        rho: ρ, radius of the neighbourhood.
        adaptive: measure it in the scale of each weight.
    """

    #: A step calls its closure twice.
    evaluates_again = True

    def __init__(self, inner: Optimizer, rho: float, adaptive: bool) -> None:
        super().__init__([inner])
        self.rho, self.adaptive = rho, adaptive

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step.

        Args:
            closure: computes loss and gradients anew; called twice.

        Returns:
            The loss at θ.

        Raises:
            RuntimeError: there is no closure, as under a gradient scaler (float16).
        """
        if closure is None:
            raise RuntimeError("SAM evaluates twice a step: give step a closure; train in bfloat16 or float32")
        on = {p.device.index for group in self.param_groups for p in group["params"] if p.device.type == "cuda"}
        with torch.random.fork_rng(devices=sorted(on)):
            loss = evaluated(closure)
        kept = self._climb()
        evaluated(closure)
        with torch.no_grad():
            for parameter, value in kept:
                parameter.copy_(value)
        self.parts[0].step()
        return loss

    @torch.no_grad()
    def _climb(self) -> list[tuple[Tensor, Tensor]]:
        """Go to θ + e; returns every parameter that moves, and where it was."""
        parameters = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        if not parameters:
            return []
        slopes = [p.abs() * p.grad if self.adaptive else p.grad for p in parameters]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(slope) for slope in slopes]))
        scale = torch.where(norm > 0, self.rho / norm, torch.zeros_like(norm))
        kept = []
        for parameter, slope in zip(parameters, slopes, strict=True):
            kept.append((parameter, parameter.clone()))
            parameter.add_(parameter.abs() * slope * scale if self.adaptive else slope * scale)
        return kept


def sam(
    params: ParamsT,
    inner: Inner = "momentum",
    lr: NonNegative | None = None,
    rho: NonNegative = 0.05,
    adaptive: bool = False,
) -> SAM:
    """Sharpness-aware minimisation: another optimizer steps along ∇L(θ + ρ g / ‖g‖), g = ∇L(θ).

    Foret et al. (2021), algorithm 1, which has SGD with momentum inside. Two evaluations a step; needs
    `trainer.accumulate_grad_batches=1`. Batch normalisation sees both evaluations.

    Args:
        params: tensors or groups.
        inner: the other optimizer: a name, or `{name: adamw, lr: 0.01}`.
        lr: its learning rate; null is its own.
        rho: ρ; the paper's 0.05, or 0.5 to 2 where adaptive.
        adaptive: T² g / ‖T g‖ in place of g / ‖g‖, T = |θ|: Kwon et al. (2021), algorithm 1.
    """
    return SAM(inner(params=with_rate(params, lr)), rho, adaptive)
