"""The mean of a loss over examples, from batches of any size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ExampleMean(Metric):
    """Σ n v / Σ n over batches of mean v and count n, in float64; a NaN stays one. Exact over any number of ranks.

    Args:
        power: p, of a mean that is no plain one: (Σ n v^p / Σ n)^(1/p).
    """

    total: Tensor
    count: Tensor

    def __init__(self, power: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.power = power
        for name in ("total", "count"):
            self.add_state(name, default=torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, value: Tensor, count: Tensor | int) -> None:
        """Take in a batch.

        Args:
            value: mean of the batch, ().
            count: what the mean was divided by: examples, or their weights.
        """
        weight = torch.as_tensor(count, dtype=torch.float64, device=value.device)
        self.total += torch.where(weight > 0, value.double() ** self.power * weight, 0.0)
        self.count += weight

    def compute(self) -> Tensor:
        """The mean, (); NaN when nothing counted."""
        return (self.total / self.count) ** (1 / self.power)
