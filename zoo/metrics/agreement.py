"""Metrics of predicted classes that chance does not flatter: balanced accuracy, Matthews' and Cohen's.

All take probabilities: P(class 1) (B,) for a binary problem, (B, C) for a multiclass one; and classes (B,), int64.
zoo.metrics.functional has each as a function.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torchmetrics import Metric

from zoo.metrics.confusion import ConfusionCounts
from zoo.metrics.functional.agreement import KappaWeights, chance_corrected, correlation, mean_recall
from zoo.metrics.problems import LARGEST, Threshold, fits, refuse, sizes

OneClassEach = Literal["binary", "multiclass"]


@fits("binary", "multiclass")
def balanced_accuracy(
    task: OneClassEach,
    num_classes: int | None = None,
    threshold: Threshold = 0.5,
) -> Metric:
    """Mean over the classes of the share of their examples that are right; Brodersen et al. (2010).

    Classes without an example are left out; torchmetrics' macro recall counts one that is predicted as zero.

    Args:
        task: the problem.
        num_classes: number of classes of a multiclass problem.
        threshold: probability above which class 1 counts as predicted (binary).

    Raises:
        ValueError: a threshold for a multiclass problem, or a missing number of classes.
    """
    return BalancedAccuracy(_classes(task, num_classes, threshold), threshold=threshold)


@fits("binary", "multiclass")
def mcc(
    task: OneClassEach,
    num_classes: int | None = None,
    threshold: Threshold = 0.5,
) -> Metric:
    """Matthews' correlation coefficient, from -1 to 1, 0 by chance; Matthews (1975), Gorodkin (2004) for C classes.

    (TP TN - FP FN) / √((TP + FP) (TP + FN) (TN + FP) (TN + FN)) for two. 0, as scikit-learn's, where all examples
    or all predictions are of one class; torchmetrics' is 1 then, or near 0, by further rules.

    Args:
        task: the problem.
        num_classes: number of classes of a multiclass problem.
        threshold: probability above which class 1 counts as predicted (binary).

    Raises:
        ValueError: a threshold for a multiclass problem, or a missing number of classes.
    """
    return MatthewsCorrelation(_classes(task, num_classes, threshold), threshold=threshold)


@fits("binary", "multiclass")
def cohen_kappa(
    task: OneClassEach,
    num_classes: int | None = None,
    weights: KappaWeights = "none",
    threshold: Threshold = 0.5,
) -> Metric:
    """Agreement with the true classes beyond that of chance, (pₒ - pₑ) / (1 - pₑ), from -1 to 1; Cohen (1960).

    NaN, as scikit-learn's, where all examples and all predictions are of the same class.

    Args:
        task: the problem.
        num_classes: number of classes of a multiclass problem.
        weights: how bad a mistake is: `none`: all alike; `linear` or `quadratic` in the distance of the classes, where
            their order means something; Cohen (1968).
        threshold: probability above which class 1 counts as predicted (binary).

    Raises:
        ValueError: a threshold for a multiclass problem, or a missing number of classes.
    """
    return CohenKappa(_classes(task, num_classes, threshold), threshold=threshold, weights=weights)


class BalancedAccuracy(ConfusionCounts):
    """Mean recall of the classes that have an example."""

    higher_is_better = True
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def compute(self) -> Tensor:
        """Mean recall, () float64; NaN before any example."""
        return mean_recall(self.counts)


class MatthewsCorrelation(ConfusionCounts):
    """Matthews' correlation coefficient."""

    higher_is_better = True
    plot_lower_bound = -1.0
    plot_upper_bound = 1.0

    def compute(self) -> Tensor:
        """The coefficient, () float64; NaN before any example."""
        return correlation(self.counts)


class CohenKappa(ConfusionCounts):
    """Cohen's kappa.

    Args:
        num_classes: number of classes C, 2 for a binary problem.
        threshold: probability above which class 1 counts as predicted (binary).
        weights: how bad a mistake is.
    """

    higher_is_better = True
    plot_lower_bound = -1.0
    plot_upper_bound = 1.0

    def __init__(self, num_classes: int = 2, threshold: float = 0.5, weights: KappaWeights = "none") -> None:
        super().__init__(num_classes, threshold=threshold)
        self.weights = weights

    def compute(self) -> Tensor:
        """Kappa, () float64; NaN before any example."""
        return chance_corrected(self.counts, self.weights)


def _classes(task: OneClassEach, num_classes: int | None, threshold: float) -> int:
    """Number of classes.

    Raises:
        ValueError: a threshold for a multiclass problem, or a missing number of classes.
    """
    if task == "multiclass":
        refuse(task, "threshold", threshold != 0.5, LARGEST)
    return sizes(task, num_classes, None).get("num_classes", 2)
