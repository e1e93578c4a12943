"""A right optimizer, and optimizers with one fault each."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer


class Right(Optimizer):
    """Gradient descent with momentum."""

    def __init__(self, params: Any, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.update(parameter, group)
        return loss

    def update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        velocity = state.setdefault("velocity", torch.zeros_like(parameter))
        velocity.mul_(group["momentum"]).add_(parameter.grad)
        parameter.sub_(group["lr"] * velocity)


class MovesFirstGroupOnly(Right):
    def update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        if group is self.param_groups[0]:
            super().update(parameter, group)


class HasOneLearningRate(Right):
    def update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        super().update(parameter, self.param_groups[0])


class RemembersFirstLearningRate(Right):
    def __init__(self, params: Any, lr: float = 0.01) -> None:
        super().__init__(params, lr)
        for group in self.param_groups:
            group["used"] = group["lr"]

    def update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        super().update(parameter, {**group, "lr": group["used"]})


class DecaysWithoutGradient(Right):
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.mul_(1 - 0.1 * group["lr"])
        return loss


class IgnoresClosure(Right):
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return super().step(None)


class Climbs(Right):
    def __init__(self, params: Any, lr: float = 0.01) -> None:
        super().__init__(params, lr)

    def update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        super().update(parameter, {**group, "lr": -group["lr"]})


class Velocity:
    """Not plain data."""


class SavesObject(Right):
    def update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        super().update(parameter, group)
        self.state[parameter]["object"] = Velocity()


class KeepsMomentumElsewhere(Right):
    def update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        velocities = vars(self).setdefault("velocities", {})
        velocity = velocities.setdefault(parameter, torch.zeros_like(parameter))
        velocity.mul_(group["momentum"]).add_(parameter.grad)
        parameter.sub_(group["lr"] * velocity)


class LosesSecondGroup(Right):
    def __init__(self, params: Any, lr: float = 0.01) -> None:
        super().__init__(list(params)[:1], lr)
