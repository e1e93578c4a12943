"""Schedules that rise and fall."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from zoo.schedules.factors import restarts_factor, triangle
from zoo.schedules.torch_schedules import Share

Momentum = Annotated[float, Interval(ge=0, lt=1)]


def warm_restarts(
    optimizer: Optimizer,
    steps_per_epoch: Annotated[int, Ge(1)],
    period: Annotated[float, Gt(0)] = 10.0,
    growth: Annotated[float, Ge(1)] = 2.0,
    min_lr_factor: Share = 0.0,
) -> LambdaLR:
    """Half a cosine down a period, then back up at once; Loshchilov & Hutter (2017), equation 5.

    Args:
        optimizer: whose learning rates are scheduled.
        steps_per_epoch: optimizer steps in an epoch.
        period: T₀, length of the first period in epochs.
        growth: T_mult, each period's length as a multiple of the one before.
        min_lr_factor: where a period ends, as a share of the optimizer's learning rate.
    """
    return LambdaLR(optimizer, lambda step: restarts_factor(step / steps_per_epoch, period, growth, min_lr_factor))


def cyclic(
    optimizer: Optimizer,
    steps_per_epoch: Annotated[int, Ge(1)],
    rise: Annotated[float, Gt(0)] = 4.0,
    min_lr_factor: Share = 0.1,
    shape: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    decay: Annotated[float, Interval(gt=0, le=1)] | None = None,
) -> LambdaLR:
    """Up and down between two learning rates in straight lines; Smith (2017), section 3.

    At cycle c = 1, 2 ... the height over the lower one is scaled by 1 (`triangular`), 2^(1 - c) (`triangular2`),
    or at step t by decayᵗ (`exp_range`).

    Args:
        optimizer: whose learning rates are scheduled; its own is the highest.
        steps_per_epoch: optimizer steps in an epoch.
        rise: half a cycle, in epochs; the paper advises 2 to 10.
        min_lr_factor: the lowest learning rate, as a share of the optimizer's.
        shape: how cycles shrink.
        decay: of `exp_range`, a step; null is 0.9999 there.

    Raises:
        ValueError: a `decay` for another shape.
    """
    if decay is not None and shape != "exp_range":
        raise ValueError(f"decay: shape={shape} has none; set shape=exp_range or leave it out")

    def factor(step: int) -> float:
        position = step / (rise * steps_per_epoch)
        shrunk = {"triangular": 1.0, "triangular2": 0.5 ** (position // 2), "exp_range": (decay or 0.9999) ** step}
        return float(min_lr_factor + (1 - min_lr_factor) * triangle(position) * shrunk[shape])

    return LambdaLR(optimizer, factor)


class OneCycle(LambdaLR):
    """A learning rate over time, and a momentum over time beside it.

    Args:
        optimizer: whose learning rates are scheduled. Its momentum is `momentum`, or the first of `betas`.
        factor: of the learning rates, at each step.
        momentum: at each step; `None` leaves it alone.
    """

    def __init__(
        self, optimizer: Optimizer, factor: Callable[[int], float], momentum: Callable[[int], float] | None
    ) -> None:
        self._momentum = momentum
        super().__init__(optimizer, factor)

    def step(self, epoch: int | None = None) -> None:
        """To the next step."""
        super().step(epoch)
        if self._momentum is None:
            return
        value = self._momentum(self.last_epoch)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (value, *group["betas"][1:])
            else:
                group["momentum"] = value

    def state_dict(self) -> dict[str, Any]:
        """Plain data."""
        state: dict[str, Any] = super().state_dict()
        return {key: value for key, value in state.items() if key != "_momentum"}


def one_cycle(
    optimizer: Optimizer,
    total_steps: Annotated[int, Ge(1)],
    rise: Annotated[float, Interval(ge=0, lt=1)] = 0.3,
    start_factor: Share = 0.04,
    end_factor: Share = 4e-6,
    shape: Literal["cosine", "linear"] = "cosine",
    momentum: tuple[Momentum, Momentum] | None = None,
) -> OneCycle:
    """Up to the optimizer's learning rate, and down to almost nothing; Smith & Topin (2019), section 3.

    Args:
        optimizer: whose learning rates are scheduled; its own is the highest.
        total_steps: optimizer steps in the run.
        rise: the share of the run after which it is highest.
        start_factor: first learning rate, as a share of the highest.
        end_factor: last learning rate, as a share of the highest.
        shape: half cosines, or straight lines as in the paper.
        momentum: `[low, high]`: the optimizer's momentum (or β₁) falls from high to low while the learning rate rises,
            and goes back; Smith (2018), section 4.3, has [0.85, 0.95]. null leaves it alone.

    Raises:
        ValueError: the optimizer has no momentum, or low is above high.
    """
    last = max(total_steps - 1, 1)
    top = rise * last

    def fallen(part: float) -> float:
        """From 1 to 0, as the shape has it."""
        return (1 + math.cos(math.pi * part)) / 2 if shape == "cosine" else 1 - part

    def between(step: int, first: float, middle: float, end: float) -> float:
        if step < top:
            return middle + (first - middle) * fallen(step / top)
        return end + (middle - end) * fallen(min((step - top) / (last - top), 1.0))

    if momentum is None:
        return OneCycle(optimizer, lambda step: between(step, start_factor, 1.0, end_factor), None)
    low, high = momentum
    if low > high:
        raise ValueError(f"momentum: {low} is above {high}; give the lower one first")
    if any("betas" not in group and not group.get("momentum") for group in optimizer.param_groups):
        raise ValueError("momentum: the optimizer has none; choose one that has, or leave it out")
    return OneCycle(
        optimizer,
        lambda step: between(step, start_factor, 1.0, end_factor),
        lambda step: between(step, high, low, high),
    )
