"""The mean of a loss over examples, from batches of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ExampleMean(Metric):
    """Σ n v / Σ n over batches of mean v and count n, in float64; a NaN stays one. Exact over any number of ranks.

    Args:
        power: p, of a mean that is no plain one: (Σ n v^p / Σ n)^(1/p). One a term, where the value is a sum.
        weights: of the terms of a sum, whose means are taken one by one; None of a single value.
    """

    total: Tensor
    count: Tensor

    def __init__(self, power: int | Sequence[int] = 1, weights: Sequence[float] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.power = power
        self.weights = weights
        shape = () if weights is None else (len(weights),)
        for name in ("total", "count"):
            self.add_state(name, default=torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, value: Tensor, count: Tensor | int) -> None:
        """Take in a batch.

        Args:
            value: mean of the batch, (); or of each term, (K,).
            count: what the mean was divided by: examples, or their weights; of each term.
        """
        weight = torch.as_tensor(count, dtype=torch.float64, device=value.device)
        power = torch.as_tensor(self.power, device=value.device)
        self.total += torch.where(weight > 0, value.double() ** power * weight, 0.0)
        self.count += weight

    def compute(self) -> Tensor:
        """The mean, (); NaN when nothing counted."""
        return combined(self.total, self.count, self.power, self.weights)


def combined(total: Tensor, count: Tensor, power: int | Sequence[int], weights: Sequence[float] | None) -> Tensor:
    """The mean (Σ n v^p / Σ n)^(1/p) of sums over examples; of several terms, (K,), their weighted sum, ()."""
    means = (total / count) ** (1 / torch.as_tensor(power, dtype=torch.float64, device=total.device))
    return means if weights is None else means @ means.new_tensor(weights)
