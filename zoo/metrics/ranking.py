"""Metrics of how probabilities rank examples, whatever the threshold.

All take probabilities: P(class 1) (B,) for a binary problem, (B, C) for a multiclass one, (B, L) for a multilabel
one; and targets int64: classes (B,), or indicators (B, L). zoo.metrics.functional has each as a function.
"""

from __future__ import annotations

from torch import Tensor
from torchmetrics import Metric

from zoo.metrics.functional import ranking
from zoo.metrics.functional.ranking import RankingAverage
from zoo.metrics.one_versus_rest import OneVersusRest
from zoo.metrics.problems import ClassificationProblem, fits, refuse, sizes


@fits("binary", "multiclass", "multilabel")
def roc_auc(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: RankingAverage | None = None,
) -> Metric:
    """Area under the ROC curve: how often a positive is ranked above a negative; Fawcett (2006).

    Exact with ties. Each class against the rest where there are several. A class with no positive or no
    negative has no area: it is left out of the average, and where none is left the metric is NaN.

    Args:
        task: the problem; a binary one has the area of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default) or weighted (by their examples).

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    return ROCAUC(*column_options(task, num_classes, num_labels, average))


@fits("binary", "multiclass", "multilabel")
def gini(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: RankingAverage | None = None,
) -> Metric:
    """Gini coefficient of a ranking, 2 AUC - 1: 1 when perfect, 0 by chance, -1 when reversed.

    Somers' D of targets and probabilities; not the impurity of decision trees that goes by the same name. Classes
    without an area are left out, as by `roc_auc`, and where none is left the metric is NaN.

    Args:
        task: the problem; a binary one has the coefficient of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default) or weighted (by their examples).

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    return Gini(*column_options(task, num_classes, num_labels, average))


@fits("binary", "multiclass", "multilabel")
def ks(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: RankingAverage | None = None,
) -> Metric:
    """Kolmogorov-Smirnov statistic: max over thresholds of |TPR - FPR|, from 0 to 1.

    The largest distance between the distribution functions of the probabilities of positives and of negatives
    (Smirnov, 1939), as scores of credit are judged. A class with no positive or no negative is left out of the
    average, and where none is left the metric is NaN.

    Args:
        task: the problem; a binary one has the statistic of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default) or weighted (by their examples).

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    return KolmogorovSmirnov(*column_options(task, num_classes, num_labels, average))


@fits("binary", "multiclass", "multilabel")
def average_precision(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: RankingAverage | None = None,
) -> Metric:
    """Σ (Rₙ - Rₙ₋₁) Pₙ over the thresholds: the area under the precision-recall steps, not interpolated.

    Each class against the rest where there are several. A class with no positive has no recall: it is left
    out of the average, and where none is left the metric is NaN.

    Args:
        task: the problem; a binary one has the area of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default) or weighted (by their examples).

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    return AveragePrecision(*column_options(task, num_classes, num_labels, average))


@fits("binary", "multiclass", "multilabel")
def pr_auc(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: RankingAverage | None = None,
) -> Metric:
    """Area under the points of precision and recall joined by straight lines, from precision 1 at recall 0.

    Another number than `average_precision`, and usually a larger one: between two points precision does not move on
    a line, so this is too optimistic (Davis & Goadrich, 2006). For comparison with work that reports it. A class
    with no positive is left out of the average, and where none is left the metric is NaN.

    Args:
        task: the problem; a binary one has the area of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default) or weighted (by their examples).

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    return PRAUC(*column_options(task, num_classes, num_labels, average))


def column_options(
    task: ClassificationProblem,
    num_classes: int | None,
    num_labels: int | None,
    average: RankingAverage | None,
) -> tuple[int, RankingAverage]:
    """Size and average of a metric of one class against the rest.

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    size = sizes(task, num_classes, num_labels)
    if task == "binary":
        refuse(task, "average", average is not None, "the metric is that of class 1; leave it out")
    return next(iter(size.values()), 1), average or "macro"


class ROCAUC(OneVersusRest):
    """Area under the ROC curve."""

    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The area, ()."""
        return ranking.area_under_roc(true, false)


class Gini(OneVersusRest):
    """2 AUC - 1, drawn as the ROC curve: twice the area between it and the diagonal."""

    plot_lower_bound = -1.0
    plot_upper_bound = 1.0

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The coefficient, ()."""
        return ranking.gini_coefficient(true, false)


class KolmogorovSmirnov(OneVersusRest):
    """Largest |TPR - FPR|, drawn as TPR - FPR over the share of examples called positive."""

    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    axes = ("share called positive", "true positive rate - false positive rate")

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The statistic, ()."""
        return ranking.kolmogorov_smirnov(true, false)

    def curve(self, true: Tensor, false: Tensor) -> tuple[Tensor, Tensor]:
        """Shares called positive, and the distance at each."""
        called = true + false
        return called / called[-1], true / true[-1] - false / false[-1]


class AveragePrecision(OneVersusRest):
    """Area under the precision-recall steps."""

    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    axes = ("recall", "precision")

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The area, ()."""
        return ranking.precision_steps(true, false)

    def curve(self, true: Tensor, false: Tensor) -> tuple[Tensor, Tensor]:
        """Recalls, and the precision at each."""
        return true / true[-1], ranking.precisions(true, false)


class PRAUC(AveragePrecision):
    """Area under the precision-recall lines."""

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The area, ()."""
        return ranking.precision_trapezoids(true, false)
