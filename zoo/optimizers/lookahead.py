"""Slow weights that follow fast ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Interval
from torch.optim.optimizer import Optimizer, ParamsT

from zoo.optimizers.combined import Combined, with_rate
from zoo.optimizers.options import Inner, NonNegative

_COUNT = "lookahead_steps"


class Lookahead(Combined):
    """Every k steps of another optimizer φ ← φ + α (θ - φ), θ ← φ; Zhang et al. (2019), algorithm 1.

    The other's own state (momentum, squares) goes on as it is, the paper's first choice. Between two of these moments
    `eval()` puts the slow weights φ in place, which the paper evaluates, and `train()` the fast ones again.

    Args:
        inner: the optimizer of the fast weights θ.
        k: its steps between two moments.
        alpha: α.
    """

    def __init__(self, inner: Optimizer, k: int, alpha: float) -> None:
        super().__init__([inner])
        self.k, self.alpha = k, alpha
        for group in self.param_groups:
            group.setdefault(_COUNT, 0)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of the fast weights, and at every k-th one of the slow weights; returns the closure's loss."""
        self.train()
        # The inner optimizer takes a state that holds anything for its own: φ goes in after its first step.
        before = {
            parameter: parameter.clone()
            for group in self.param_groups
            for parameter in group["params"]
            if "slow" not in self.state.get(parameter, {})
        }
        loss = self.parts[0].step(closure)
        for parameter, value in before.items():
            if parameter.grad is not None:
                self.state[parameter]["slow"] = value
        for group in self.param_groups:
            group[_COUNT] = group.get(_COUNT, 0) + 1
            if group[_COUNT] % self.k == 0:
                for parameter in group["params"]:
                    if "slow" in self.state.get(parameter, {}):
                        parameter.copy_(self.state[parameter]["slow"].lerp_(parameter, self.alpha))
        return loss

    @torch.no_grad()
    def eval(self) -> None:
        """Put the slow weights there."""
        super().eval()
        for state, parameter in self._states():
            if "fast" not in state:
                state["fast"] = parameter.clone()
                parameter.copy_(state["slow"])

    @torch.no_grad()
    def train(self) -> None:
        """Put the fast weights there."""
        for state, parameter in self._states():
            if "fast" in state:
                parameter.copy_(state.pop("fast"))
        super().train()

    @torch.no_grad()
    def frozen(self, parameters: Sequence[torch.Tensor]) -> None:
        """Leave the slow weights of these in place."""
        super().frozen(parameters)
        for parameter in parameters:
            state = self.state.get(parameter, {})
            if "slow" in state:
                parameter.copy_(state.pop("slow"))
                state.pop("fast", None)

    def _states(self) -> list[tuple[dict[str, Any], torch.Tensor]]:
        return [(state, parameter) for parameter, state in self.state.items() if "slow" in state]


def lookahead(
    params: ParamsT,
    inner: Inner = "adamw",
    lr: NonNegative | None = None,
    k: Annotated[int, Ge(1)] = 5,
    alpha: Annotated[float, Interval(gt=0, le=1)] = 0.5,
) -> Lookahead:
    """Slow weights φ that follow another optimizer's: every k steps φ ← φ + α (θ - φ), θ ← φ.

    Zhang et al. (2019), algorithm 1. The other optimizer's momentum goes on; φ are evaluated.

    Args:
        params: tensors or groups.
        inner: the other optimizer: a name, or `{name: sgd, momentum: 0.9}`.
        lr: its learning rate; null is its own.
        k: steps between two moves of φ.
        alpha: α.
    """
    return Lookahead(inner(params=with_rate(params, lr)), k, alpha)
