"""Whether probabilities are as often right as they say."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor
from torchmetrics import Metric

from zoo.metrics.problems import ClassificationProblem, fits, sizes


@fits("binary", "multiclass", "multilabel")
def ece(
    task: ClassificationProblem,
    num_labels: int | None = None,
    bins: Annotated[int, Ge(1)] = 15,
) -> Metric:
    """Expected calibration error: Σ over bins of (share of examples) |share right - mean probability|, from 0 to 1.

    Naeini, Cooper & Hauskrecht (2015); Guo et al. (2017), equation 5, with bins ((m - 1) / M, m / M] of equal width.
    Of a binary problem: the probability of class 1, against the share of class 1. Multiclass: the largest
    probability, against the share for which that class is right. Multilabel: the mean of the labels' errors.
    torchmetrics' bins are closed on the left, and a probability of one has a bin of its own. NaN before any example.

    Args:
        task: the problem.
        num_labels: number of labels of a multilabel problem.
        bins: M.

    Raises:
        ValueError: a missing number of labels.

    Example:
        >>> metric = ece("binary", bins=2)
        >>> metric.update(torch.tensor([0.25, 0.25, 0.75, 1.0]), torch.tensor([0, 1, 1, 1]))
        >>> metric.compute().item()  # half of them 0.25 off, the other half 0.125
        0.1875
    """
    size = {} if task != "multilabel" else sizes(task, None, num_labels)
    return CalibrationError(bins, size.get("num_labels", 1))


class CalibrationError(Metric):
    """Expected calibration error from sums a bin, exact over any batches and processes.

    Args:
        bins: number of them, M.
        num_labels: number of labels L of a multilabel problem, else 1.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    right: Tensor
    probability: Tensor
    count: Tensor

    def __init__(self, bins: int = 15, num_labels: int = 1) -> None:
        super().__init__()
        self.bins = bins
        nothing = torch.zeros(num_labels, bins, dtype=torch.int64)
        self.add_state("right", default=nothing, dist_reduce_fx="sum")
        self.add_state("count", default=nothing.clone(), dist_reduce_fx="sum")
        self.add_state("probability", default=nothing.double(), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds probabilities (B,), (B, C) or (B, L) of targets (B,) or (B, L)."""
        preds = preds.double()
        if preds.ndim > target.ndim:
            preds, classes = preds.max(1)
            target = (classes == target).long()
        if preds.ndim == 1:
            preds, target = preds.unsqueeze(1), target.unsqueeze(1)
        inner = torch.arange(1, self.bins, device=preds.device, dtype=preds.dtype) / self.bins
        places = torch.searchsorted(inner, preds.T.contiguous())
        self.count.scatter_add_(1, places, torch.ones_like(places))
        self.right.scatter_add_(1, places, target.T.long())
        self.probability.scatter_add_(1, places, preds.T)

    def compute(self) -> Tensor:
        """The error, () float64."""
        gaps = (self.right - self.probability).abs().sum(1)
        return (gaps / self.count.sum(1)).mean()

    def plot(self, val: Any = None, ax: Any = None) -> tuple[Any, Any]:
        """Draws values of `compute` or `forward`, one or several in their order, or the value now: figure and axes."""
        return self._plot(val, ax)
