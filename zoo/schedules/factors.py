"""Learning rates over time, as a factor on the optimizer's: closed forms, functions of the step alone."""

from __future__ import annotations

import math
from collections.abc import Sequence


def progress(step: int, total_steps: int) -> float:
    """How much of a run is over, from 0 to 1; it stays 1 after `total_steps`."""
    return min(step / total_steps, 1.0) if total_steps > 0 else 1.0


def cosine_factor(step: int, total_steps: int, min_factor: float = 0.0) -> float:
    """Half a cosine from 1 to `min_factor`; Loshchilov & Hutter (2017), equation 5, without restarts.

    Args:
        step: optimizer steps taken, from 0.
        total_steps: steps until `min_factor`, which stays from there on.
        min_factor: where it ends.
    """
    return min_factor + (1 - min_factor) * (1 + math.cos(math.pi * progress(step, total_steps))) / 2


def polynomial_factor(step: int, total_steps: int, power: float, min_factor: float = 0.0) -> float:
    """min_factor + (1 - min_factor) (1 - progress)^power; arguments as those of `cosine_factor`."""
    return float(min_factor + (1 - min_factor) * (1 - progress(step, total_steps)) ** power)


def linear_factor(step: int, total_steps: int, min_factor: float = 0.0) -> float:
    """A straight line from 1 to `min_factor`; arguments as those of `cosine_factor`."""
    return 1 - (1 - min_factor) * progress(step, total_steps)


def step_factor(epoch: int, every: int, factor: float) -> float:
    """`factor` once for each `every` epochs that have passed; Szegedy et al. (2015), section 6."""
    return float(factor ** (epoch // every))


def multistep_factor(epoch: int, milestones: Sequence[int], factor: float) -> float:
    """`factor` once for each milestone that has been reached."""
    return float(factor ** sum(epoch >= milestone for milestone in milestones))


def luong_factor(epoch: int, after: int, factor: float) -> float:
    """1 for `after` epochs, then `factor` once for each further one; Luong et al. (2015), section 4.1."""
    return float(factor ** max(0, epoch - after + 1))


def restarts_factor(epochs: float, first: float, growth: float, min_factor: float) -> float:
    """Half a cosine a period, and back up; Loshchilov & Hutter (2017), equation 5.

    Args:
        epochs: passed so far, parts of one included.
        first: length of the first period, in epochs.
        growth: each period's length as a multiple of the one before.
        min_factor: where a period ends.
    """
    if growth == 1:
        start, length = first * (epochs // first), first
    else:
        # Periods first, first g, first g² ... : n of them take first (gⁿ - 1) / (g - 1).
        number = math.floor(math.log(epochs / first * (growth - 1) + 1, growth) + 1e-12)
        start, length = first * (growth**number - 1) / (growth - 1), first * growth**number
    part = (epochs - start) / length
    return min_factor + (1 - min_factor) * (1 + math.cos(math.pi * part)) / 2


def noam_factor(step: int, model_size: int, warmup_steps: int) -> float:
    """d^(-1/2) min(t^(-1/2), t w^(-3/2)), t = step + 1; Vaswani et al. (2017), equation 3."""
    t = step + 1
    return float(model_size**-0.5 * min(t**-0.5, t * warmup_steps**-1.5))


def inverse_sqrt_factor(step: int, warmup_steps: int) -> float:
    """min(t / w, √(w / t)), t = step + 1: up in a line to 1 at w, then down with the root of time."""
    t, w = step + 1, max(warmup_steps, 1)
    return min(t / w, math.sqrt(w / t))


def triangle(position: float) -> float:
    """0 at even positions, 1 at odd ones, straight lines between; Smith (2017), section 3.1."""
    return 1 - abs(position % 2 - 1)


def warmup_factor(step: int, warmup_steps: int, start_factor: float) -> float:
    """A line from `start_factor` at step 0 to 1 at `warmup_steps`; Goyal et al. (2017), section 2.2."""
    return 1.0 if step >= warmup_steps else start_factor + (1 - start_factor) * step / warmup_steps
