"""Schedules of the learning rate, as torch schedulers.

A schedule steps once an optimizer step, unless its factory says otherwise with an attribute `interval`:
"epoch" (once a training epoch) or "validation" (with the monitored value, after each validation). Their state
is plain numbers: what the configuration fixes stays in the configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from annotated_types import Ge, Interval
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from zoo.schedules.factors import cosine_factor, step_factor
from zoo.schedules.plateau import Plateau

Share = Annotated[float, Interval(ge=0, le=1)]
Factory = TypeVar("Factory", bound=Callable[..., object])


def steps_each(interval: Literal["epoch", "validation"]) -> Callable[[Factory], Factory]:
    """Writes on a factory when its schedule steps."""

    def write(factory: Factory) -> Factory:
        vars(factory)["interval"] = interval
        return factory

    return write


def constant(optimizer: Optimizer) -> LambdaLR:
    """The learning rate stays what it is."""
    return LambdaLR(optimizer, lambda step: 1.0)


def cosine(optimizer: Optimizer, total_steps: Annotated[int, Ge(1)], min_lr_factor: Share = 0.0) -> LambdaLR:
    """Half a cosine over the whole run; Loshchilov & Hutter (2017), equation 5, without restarts.

    Args:
        optimizer: whose learning rates are scheduled.
        total_steps: optimizer steps in the run.
        min_lr_factor: last learning rate, as a share of the first.
    """
    return LambdaLR(optimizer, lambda step: cosine_factor(step, total_steps, min_lr_factor))


@steps_each("epoch")
def step(
    optimizer: Optimizer,
    every: Annotated[int, Ge(1)] = 10,
    factor: Annotated[float, Interval(gt=0, le=1)] = 0.1,
) -> LambdaLR:
    """Multiplies the learning rate by `factor` after each `every` epochs; Szegedy et al. (2015), section 6.

    Args:
        optimizer: whose learning rates are scheduled.
        every: epochs between drops.
        factor: what is left of the learning rate at each.
    """
    return LambdaLR(optimizer, lambda epoch: step_factor(epoch, every, factor))


@steps_each("validation")
def plateau(
    optimizer: Optimizer,
    mode: Literal["min", "max"],
    factor: Annotated[float, Interval(gt=0, lt=1)] = 0.1,
    patience: Annotated[int, Ge(0)] = 10,
    threshold: Annotated[float, Ge(0)] = 1e-4,
    min_lr: Annotated[float, Ge(0)] = 0.0,
    cooldown: Annotated[int, Ge(0)] = 0,
) -> Plateau:
    """Multiplies the learning rate by `factor` once the monitored value gets no better; He et al. (2016), section 3.4.

    Args:
        optimizer: whose learning rates are scheduled.
        mode: whether less (min) or more (max) of the monitored value is better.
        factor: what is left of the learning rate.
        patience: validations without progress that are let pass; the one after them lowers the rate.
        threshold: change that counts as progress, as a share of the best value so far.
        min_lr: the learning rate is never lowered beyond it.
        cooldown: validations after a drop in which none is counted.
    """
    return Plateau(
        optimizer,
        mode=mode,
        factor=factor,
        patience=patience,
        threshold=threshold,
        min_lr=min_lr,
        cooldown=cooldown,
    )
