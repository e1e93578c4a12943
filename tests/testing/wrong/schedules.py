"""A right schedule, and schedules with one fault each."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def right(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """A line down to zero."""
    return LambdaLR(optimizer, lambda step: 1 - step / total_steps)


def steps_hourly(optimizer: Optimizer) -> LambdaLR:
    """An interval that nobody knows."""
    return LambdaLR(optimizer, lambda step: 1.0)


steps_hourly.interval = "hour"  # type: ignore[attr-defined]


def falls_below_zero(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """One step too long."""
    return LambdaLR(optimizer, lambda step: 1 - 1.1 * step / total_steps)


class OneRateForAll(LambdaLR):
    """Gives every group the first one's rate."""

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(optimizer, lambda step: 1.0)

    def get_lr(self) -> list[Any]:
        return [self.base_lrs[0]] * len(self.base_lrs)


class CountsInSecret(LambdaLR):
    """Saves nothing."""

    def __init__(self, optimizer: Optimizer, total_steps: int) -> None:
        super().__init__(optimizer, lambda step: 1 - step / total_steps)

    def state_dict(self) -> dict[str, Any]:
        return {}
