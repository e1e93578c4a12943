"""Balanced accuracy."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric


class BalancedAccuracy(Metric):
    """Mean of the classes' recalls over the classes that have an example; Brodersen et al. (2010).

    torchmetrics' macro recall also counts, as zero, a class that is predicted and never occurs.

    Args:
        num_classes: number of classes C, 2 for a binary problem.
        threshold: probability above which class 1 counts as predicted (binary).
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    right: Tensor
    total: Tensor

    def __init__(self, num_classes: int, threshold: float = 0.5) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.threshold = threshold
        self.add_state("right", default=torch.zeros(num_classes, dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("total", default=torch.zeros(num_classes, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Counts a batch.

        Args:
            preds: P(class 1) (B,), or probabilities (B, C).
            target: classes, (B,).
        """
        classes = (preds > self.threshold).long() if preds.ndim == 1 else preds.argmax(1)
        self.right += torch.bincount(target[classes == target], minlength=self.num_classes)
        self.total += torch.bincount(target, minlength=self.num_classes)

    def compute(self) -> Tensor:
        """Mean recall, (); NaN before any example."""
        present = self.total > 0
        return (self.right[present] / self.total[present]).mean()
