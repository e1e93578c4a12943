"""The learning rate of gradient descent that another optimizer's steps amount to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class ProjectedRate:
    """SWATS' estimate; Keskar & Socher (2017), section 3 and algorithm 1.

    A step p from a point with gradient g projects to that of gradient descent with the rate γ = pᵀp / (-pᵀg), over all
    parameters together. λ ← β₂ λ + (1 - β₂) γ, and λ / (1 - β₂ᵏ) is the estimate after k steps. It has settled
    when it differs from γ by less than ε.

    Args:
        decay: β₂.
        tolerance: ε.
    """

    def __init__(self, decay: float, tolerance: float) -> None:
        self.decay, self.tolerance = decay, tolerance

    @staticmethod
    def start() -> dict[str, Any]:
        """What is remembered, as plain data: λ and k."""
        return {"projected": 0.0, "projections": 0}

    def update(self, memory: dict[str, Any], moved: Iterable[tuple[Tensor, Tensor, Tensor]]) -> bool:
        """Take a step into account.

        Args:
            memory: as `start()` makes it; changed in place.
            moved: each parameter after the step, its values before it, and its gradient there.

        Returns:
            Whether the estimate has settled.
        """
        length = slope = 0.0
        with torch.no_grad():
            for parameter, before, gradient in moved:
                step = parameter - before
                length += float((step * step).sum(dtype=torch.float64))
                slope += float((step * gradient).sum(dtype=torch.float64))
        memory["projections"] += 1
        if slope == 0:
            return False
        rate = length / -slope
        memory["projected"] = self.decay * memory["projected"] + (1 - self.decay) * rate
        return memory["projections"] > 1 and abs(self.estimate(memory) - rate) < self.tolerance

    def estimate(self, memory: dict[str, Any]) -> float:
        """The estimate so far; 0 before the first step."""
        if memory["projections"] == 0:
            return 0.0
        return float(memory["projected"] / (1 - self.decay ** memory["projections"]))
