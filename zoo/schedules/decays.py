"""Schedules that only fall."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Interval, MinLen
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from zoo.schedules.factors import linear_factor, luong_factor, multistep_factor, polynomial_factor
from zoo.schedules.torch_schedules import Share, steps_each

Part = Annotated[float, Interval(gt=0, le=1)]


@steps_each("epoch")
def multistep(
    optimizer: Optimizer,
    milestones: Annotated[list[Annotated[int, Ge(1)]], MinLen(1)],
    factor: Part = 0.1,
) -> LambdaLR:
    """Multiplies the learning rate by `factor` after each of some epochs; He et al. (2016), section 4.2.

    Args:
        optimizer: whose learning rates are scheduled.
        milestones: epochs, counted from the start of the run: `[30, 60, 90]`.
        factor: what is left of the learning rate at each.
    """
    return LambdaLR(optimizer, lambda epoch: multistep_factor(epoch, milestones, factor))


@steps_each("epoch")
def exponential(optimizer: Optimizer, factor: Part = 0.95) -> LambdaLR:
    """η factorᵉ after e epochs; Szegedy et al. (2016), section 8, with 0.94 for every second epoch.

    Args:
        optimizer: whose learning rates are scheduled.
        factor: what is left of the learning rate after each epoch.
    """
    return LambdaLR(optimizer, lambda epoch: float(factor**epoch))


@steps_each("epoch")
def luong(optimizer: Optimizer, after: Annotated[int, Ge(0)] = 5, factor: Part = 0.5) -> LambdaLR:
    """Halves the learning rate every epoch, once some have passed; Luong et al. (2015), section 4.1.

    There, plain SGD with η = 1 for 5 of 10 epochs, or with dropout for 8 of 12.

    Args:
        optimizer: whose learning rates are scheduled.
        after: epochs at the full learning rate.
        factor: what is left of the learning rate in each epoch after them.
    """
    return LambdaLR(optimizer, lambda epoch: luong_factor(epoch, after, factor))


def polynomial(
    optimizer: Optimizer,
    total_steps: Annotated[int, Ge(1)],
    power: Annotated[float, Gt(0)] = 2.0,
    min_lr_factor: Share = 0.0,
) -> LambdaLR:
    """η (f + (1 - f) (1 - t/T)^p) at step t of T: the poly policy of Liu, Rabinovich & Berg (2015), section 3.4.

    Args:
        optimizer: whose learning rates are scheduled.
        total_steps: T, optimizer steps in the run.
        power: p.
        min_lr_factor: f, last learning rate as a share of the first.
    """
    return LambdaLR(optimizer, lambda step: polynomial_factor(step, total_steps, power, min_lr_factor))


def linear(optimizer: Optimizer, total_steps: Annotated[int, Ge(1)], min_lr_factor: Share = 0.0) -> LambdaLR:
    """A straight line down over the whole run; Li, Yumer & Ramanan (2020).

    Args:
        optimizer: whose learning rates are scheduled.
        total_steps: optimizer steps in the run.
        min_lr_factor: last learning rate, as a share of the first.
    """
    return LambdaLR(optimizer, lambda step: linear_factor(step, total_steps, min_lr_factor))
