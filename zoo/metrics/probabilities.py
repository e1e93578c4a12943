"""Proper scores of probabilities: the lower, and lowest in the mean for the true ones (Gneiting & Raftery, 2007).

Both take probabilities: P(class 1) (B,) for a binary problem, (B, C) for a multiclass one, (B, L) for a multilabel
one; and targets int64: classes (B,), or indicators (B, L).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric

from zoo.metrics.problems import ClassificationProblem, fits
from zoo.metrics.ratio import Ratio


@fits("binary", "multiclass", "multilabel")
def log_loss(task: ClassificationProblem) -> Metric:
    """Mean of -log p of what was true, in nats; for a multilabel problem over labels and examples.

    Probabilities are first clipped to [ε, 1 - ε], as by scikit-learn, with the ε of their type (1.2e-7 in float32), so
    that one sure mistake costs 16 and not infinity. NaN before any example.

    Args:
        task: the problem.

    Example:
        >>> metric = log_loss("binary")
        >>> metric.update(torch.tensor([0.5, 0.5]), torch.tensor([0, 1]))
        >>> round(metric.compute().item(), 4)
        0.6931
    """
    return LogLoss()


@fits("binary", "multiclass", "multilabel")
def brier(task: ClassificationProblem) -> Metric:
    """Brier's score (1950): mean squared error of probabilities.

    (p - y)² of class 1 for a binary problem, from 0 to 1; Σ (p - y)² over the classes for a multiclass one, from 0 to
    2; both as scikit-learn's. For a multilabel problem the mean over labels and examples. NaN before any example.

    Args:
        task: the problem.

    Example:
        >>> metric = brier("multiclass")
        >>> metric.update(torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([0]))
        >>> metric.compute().item()
        0.375
    """
    return Brier()


class LogLoss(Ratio):
    """Mean negative log-likelihood of what was true."""

    higher_is_better = False
    plot_lower_bound = 0.0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds probabilities (B,), (B, C) or (B, L) of targets (B,) or (B, L)."""
        epsilon = torch.finfo(preds.dtype).eps
        preds = preds.double()
        if preds.ndim > target.ndim:
            of_true = preds.gather(1, target.unsqueeze(1))
        else:
            of_true = torch.where(target == 1, preds, 1 - preds)
        self.total -= of_true.clamp(epsilon, 1 - epsilon).log().sum()
        self.count += target.numel()


class Brier(Ratio):
    """Mean squared error of probabilities."""

    higher_is_better = False
    plot_lower_bound = 0.0

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Adds probabilities (B,), (B, C) or (B, L) of targets (B,) or (B, L)."""
        indicators = functional.one_hot(target, preds.shape[1]) if preds.ndim > target.ndim else target
        self.total += (preds.double() - indicators).square().sum()
        self.count += target.numel()
