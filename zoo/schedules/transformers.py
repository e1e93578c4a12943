"""Schedules that came with the Transformer: up in a line, then down with the root of time."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from zoo.schedules.factors import inverse_sqrt_factor, noam_factor


def noam(
    optimizer: Optimizer,
    model_size: Annotated[int, Ge(1)] = 512,
    warmup_steps: Annotated[int, Ge(1)] = 4000,
) -> LambdaLR:
    """η d^(-1/2) min(t^(-1/2), t w^(-3/2)) at step t = 1, 2 ...; Vaswani et al. (2017), equation 3, which has η = 1.

    Args:
        optimizer: whose learning rates are scheduled; `optimizer.lr=1` is the paper's.
        model_size: d, width of the model.
        warmup_steps: w.
    """
    return LambdaLR(optimizer, lambda step: noam_factor(step, model_size, warmup_steps))


def inverse_sqrt(optimizer: Optimizer, warmup_steps: Annotated[int, Ge(0)] = 4000) -> LambdaLR:
    """η min(t/w, √(w/t)) at step t = 1, 2 ...: `noam` in terms of its highest learning rate.

    Without warmup η/√t; Raffel et al. (2020), section 3.1.2, has its shape.

    Args:
        optimizer: whose learning rates are scheduled; its own is the highest.
        warmup_steps: w.
    """
    return LambdaLR(optimizer, lambda step: inverse_sqrt_factor(step, warmup_steps))
