"""A sum over a count."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class Ratio(Metric):
    """Σ total / Σ count, exact over any batches and ranks: totals in float64, counts in int64.

    NaN where the count is zero, whatever the total.
    """

    is_differentiable = False
    full_state_update = False

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", default=torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """The ratio, () float64."""
        return torch.where(self.count > 0, self.total / self.count, torch.nan)

    def plot(self, val: Any = None, ax: Any = None) -> tuple[Any, Any]:
        """Draws values of `compute` or `forward`, one or several in their order, or the value now: figure and axes."""
        return self._plot(val, ax)
