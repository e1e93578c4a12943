"""Classification metrics: torchmetrics' where they keep to their definition on every input, else ours.

All take probabilities: P(class 1) (B,) for a binary problem, (B, C) for a multiclass one, (B, L) for a
multilabel one; and targets int64: classes (B,), or indicators (B, L).
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval
from torchmetrics import Metric
from torchmetrics import classification as tm
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from zoo.metrics.balanced_accuracy import BalancedAccuracy
from zoo.metrics.one_versus_rest import OneVersusRest, RankingAverage, RankingScore
from zoo.metrics.problems import Average, ClassificationProblem, fits, refuse, sizes

Threshold = Annotated[float, Interval(gt=0, lt=1)]
_LARGEST = "the class with the largest probability is taken; leave it out"


@fits("binary", "multiclass", "multilabel")
def accuracy(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    top_k: Annotated[int, Ge(1)] = 1,
    threshold: Threshold = 0.5,
) -> Metric:
    """Share of examples whose class is right; for a multilabel problem, share of labels over all examples.

    Args:
        task: the problem.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        top_k: an example is right when its class is among the k most probable (multiclass).
        threshold: probability above which a class or label counts as predicted (binary, multilabel).

    Raises:
        ValueError: an argument that the problem has no use for, or a missing number of classes or labels.
    """
    size = sizes(task, num_classes, num_labels)
    if task == "multiclass":
        refuse(task, "threshold", threshold != 0.5, _LARGEST)
        if top_k > size["num_classes"]:
            raise ValueError(f"top_k: {top_k} of {num_classes} classes; give at most {num_classes}")
        return tm.MulticlassAccuracy(num_classes=size["num_classes"], top_k=top_k, average="micro", validate_args=False)
    refuse(task, "top_k", top_k != 1, "it is for multiclass problems; leave it out")
    if task == "multilabel":
        return tm.MultilabelAccuracy(
            num_labels=size["num_labels"], threshold=threshold, average="micro", validate_args=False
        )
    return tm.BinaryAccuracy(threshold=threshold, validate_args=False)


@fits("binary", "multiclass")
def balanced_accuracy(
    task: Literal["binary", "multiclass"],
    num_classes: int | None = None,
    threshold: Threshold = 0.5,
) -> Metric:
    """Mean over the classes of the share of their examples that are right; Brodersen et al. (2010).

    Classes without an example are left out.

    Args:
        task: the problem.
        num_classes: number of classes of a multiclass problem.
        threshold: probability above which class 1 counts as predicted (binary).

    Raises:
        ValueError: a threshold for a multiclass problem, or a missing number of classes.
    """
    if task == "multiclass":
        refuse(task, "threshold", threshold != 0.5, _LARGEST)
    size = sizes(task, num_classes, None)
    return BalancedAccuracy(size.get("num_classes", 2), threshold)


@fits("binary", "multiclass", "multilabel")
def precision(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: Average | None = None,
    threshold: Threshold = 0.5,
) -> Metric:
    """Of what was predicted to be a class, the share that is: TP / (TP + FP), zero when nothing was.

    Args:
        task: the problem; a binary one has the precision of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default), weighted (by their examples) or micro (one
            count for all).
        threshold: probability above which a class or label counts as predicted (binary, multilabel).

    Raises:
        ValueError: an argument that the problem has no use for, or a missing number of classes or labels.
    """
    options = _counting_options(task, num_classes, num_labels, average, threshold)
    return _by_problem(task, "Precision")(**options)


@fits("binary", "multiclass", "multilabel")
def recall(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: Average | None = None,
    threshold: Threshold = 0.5,
) -> Metric:
    """Of the examples of a class, the share predicted to be: TP / (TP + FN), zero when there is none.

    Args:
        task: the problem; a binary one has the recall of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default), weighted (by their examples) or micro (one
            count for all).
        threshold: probability above which a class or label counts as predicted (binary, multilabel).

    Raises:
        ValueError: an argument that the problem has no use for, or a missing number of classes or labels.
    """
    options = _counting_options(task, num_classes, num_labels, average, threshold)
    return _by_problem(task, "Recall")(**options)


@fits("binary", "multiclass", "multilabel")
def f1(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: Average | None = None,
    beta: Annotated[float, Gt(0)] = 1.0,
    threshold: Threshold = 0.5,
) -> Metric:
    """Harmonic mean of precision and recall, recall counting β² times; van Rijsbergen (1979), chapter 7.

    (1 + β²) TP / ((1 + β²) TP + β² FN + FP), zero when all three are zero.

    Args:
        task: the problem; a binary one has the score of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default), weighted (by their examples) or micro (one
            count for all).
        beta: β.
        threshold: probability above which a class or label counts as predicted (binary, multilabel).

    Raises:
        ValueError: an argument that the problem has no use for, or a missing number of classes or labels.
    """
    options = _counting_options(task, num_classes, num_labels, average, threshold)
    return _by_problem(task, "FBetaScore")(beta=beta, **options)


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
    return _ranking(binary_auroc, True, task, num_classes, num_labels, average)


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
    return _ranking(binary_average_precision, False, task, num_classes, num_labels, average)


_PREFIX = {"binary": "Binary", "multiclass": "Multiclass", "multilabel": "Multilabel"}


def _by_problem(task: ClassificationProblem, name: str) -> type[Metric]:
    """torchmetrics' class for a problem, such as MulticlassPrecision."""
    found: type[Metric] = getattr(tm, _PREFIX[task] + name)
    return found


def _counting_options(
    task: ClassificationProblem,
    num_classes: int | None,
    num_labels: int | None,
    average: Average | None,
    threshold: float,
) -> dict[str, object]:
    """Arguments of torchmetrics' classes for precision, recall and F."""
    options: dict[str, object] = {**sizes(task, num_classes, num_labels), "validate_args": False}
    if task == "binary":
        refuse(task, "average", average is not None, "the metric is that of class 1; leave it out")
    else:
        options["average"] = average or "macro"
    if task == "multiclass":
        refuse(task, "threshold", threshold != 0.5, _LARGEST)
    else:
        options["threshold"] = threshold
    return options


def _ranking(
    score: RankingScore,
    needs_negatives: bool,
    task: ClassificationProblem,
    num_classes: int | None,
    num_labels: int | None,
    average: RankingAverage | None,
) -> Metric:
    sizes(task, num_classes, num_labels)
    if task == "binary":
        refuse(task, "average", average is not None, "the metric is that of class 1; leave it out")
    return OneVersusRest(score, needs_negatives=needs_negatives, average=average or "macro")
