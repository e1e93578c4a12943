"""Learning rates over time, as a factor on the optimizer's: closed forms, functions of the step alone."""

from __future__ import annotations

import math


def cosine_factor(step: int, total_steps: int, min_factor: float = 0.0) -> float:
    """Half a cosine from 1 to `min_factor`; Loshchilov & Hutter (2017), equation 5, without restarts.

    Args:
        step: optimizer steps taken, from 0.
        total_steps: steps until `min_factor`, which stays from there on.
        min_factor: where it ends.
    """
    progress = min(step / total_steps, 1.0) if total_steps > 0 else 1.0
    return min_factor + (1 - min_factor) * (1 + math.cos(math.pi * progress)) / 2


def linear_factor(step: int, total_steps: int, min_factor: float = 0.0) -> float:
    """A straight line from 1 to `min_factor`; arguments as those of `cosine_factor`."""
    progress = min(step / total_steps, 1.0) if total_steps > 0 else 1.0
    return 1 - (1 - min_factor) * progress


def step_factor(epoch: int, every: int, factor: float) -> float:
    """`factor` once for each `every` epochs that have passed; He et al. (2016), section 3.4."""
    return float(factor ** (epoch // every))


def warmup_factor(step: int, warmup_steps: int, start_factor: float) -> float:
    """A line from `start_factor` at step 0 to 1 at `warmup_steps`; Goyal et al. (2017), section 2.2."""
    return 1.0 if step >= warmup_steps else start_factor + (1 - start_factor) * step / warmup_steps
