"""A schedule's learning rates, without training anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


def trace(
    build: Callable[[Optimizer], Any],
    steps: int,
    *,
    lr: float = 1.0,
    interval: str = "step",
    steps_per_epoch: int = 1,
    watched: Sequence[float] = (),
) -> list[float]:
    """The learning rate of each optimizer step.

    Args:
        build: makes the schedule of an optimizer, SGD with a momentum of 0.9.
        steps: optimizer steps.
        lr: the optimizer's learning rate.
        interval: when the schedule steps: `step`, `epoch` or `validation`.
        steps_per_epoch: optimizer steps in an epoch; a validation follows each.
        watched: what each validation finds, for schedules that watch it; the last one goes on.

    Returns:
        `steps` learning rates.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    schedule = build(optimizer)
    rates = []
    for step in range(1, steps + 1):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if interval == "step":
            schedule.step()
        if step % steps_per_epoch:
            continue
        if interval == "epoch":
            schedule.step()
        if watched:
            value = watched[min(step // steps_per_epoch, len(watched)) - 1]
            if interval == "validation":
                schedule.step(value)
            elif hasattr(schedule, "validated"):
                schedule.validated(value)
    return rates
