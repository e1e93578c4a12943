"""Shares of right decisions, as torchmetrics counts them.

All take probabilities: P(class 1) (B,) for a binary problem, (B, C) for a multiclass one, (B, L) for a
multilabel one; and targets int64: classes (B,), or indicators (B, L).
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torchmetrics import Metric
from torchmetrics import classification as tm

from zoo.metrics.problems import LARGEST, Average, ClassificationProblem, Threshold, fits, refuse, sizes


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
        refuse(task, "threshold", threshold != 0.5, LARGEST)
        if top_k > size["num_classes"]:
            raise ValueError(f"top_k: {top_k} of {num_classes} classes; give at most {num_classes}")
        return tm.MulticlassAccuracy(num_classes=size["num_classes"], top_k=top_k, average="micro", validate_args=False)
    refuse(task, "top_k", top_k != 1, "it is for multiclass problems; leave it out")
    if task == "multilabel":
        return tm.MultilabelAccuracy(
            num_labels=size["num_labels"], threshold=threshold, average="micro", validate_args=False
        )
    return tm.BinaryAccuracy(threshold=threshold, validate_args=False)


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
def specificity(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: Average | None = None,
    threshold: Threshold = 0.5,
) -> Metric:
    """Of the examples not of a class, the share predicted not to be: TN / (TN + FP), zero when there is none.

    The recall of the negatives. A class that no example has and none is predicted to have is left out of macro.

    Args:
        task: the problem; a binary one has the specificity of class 1, which is the recall of class 0.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default), weighted (by their examples) or micro (one
            count for all).
        threshold: probability above which a class or label counts as predicted (binary, multilabel).

    Raises:
        ValueError: an argument that the problem has no use for, or a missing number of classes or labels.
    """
    options = _counting_options(task, num_classes, num_labels, average, threshold)
    by_problem: dict[str, type[Metric]] = {
        "binary": BinarySpecificity,
        "multiclass": MulticlassSpecificity,
        "multilabel": MultilabelSpecificity,
    }
    return by_problem[task](**options)


@fits("binary", "multiclass", "multilabel")
def f1(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: Average | None = None,
    threshold: Threshold = 0.5,
) -> Metric:
    """Harmonic mean of precision and recall; van Rijsbergen (1979), chapter 7.

    2 TP / (2 TP + FN + FP), zero when all three are zero. `f_beta` weighs one against the other.

    Args:
        task: the problem; a binary one has the score of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        average: over classes or labels: macro (mean, the default), weighted (by their examples) or micro (one
            count for all).
        threshold: probability above which a class or label counts as predicted (binary, multilabel).

    Raises:
        ValueError: an argument that the problem has no use for, or a missing number of classes or labels.
    """
    options = _counting_options(task, num_classes, num_labels, average, threshold)
    return _by_problem(task, "F1Score")(**options)


@fits("binary", "multiclass", "multilabel")
def f_beta(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    average: Average | None = None,
    beta: Annotated[float, Gt(0)] = 2.0,
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
        beta: β; 2 makes recall count more, 0.5 precision.
        threshold: probability above which a class or label counts as predicted (binary, multilabel).

    Raises:
        ValueError: an argument that the problem has no use for, or a missing number of classes or labels.
    """
    options = _counting_options(task, num_classes, num_labels, average, threshold)
    return _by_problem(task, "FBetaScore")(beta=beta, **options)


class BinarySpecificity(tm.BinarySpecificity):
    """torchmetrics', which does not say that more is better."""

    higher_is_better = True


class MulticlassSpecificity(tm.MulticlassSpecificity):
    """torchmetrics', which does not say that more is better."""

    higher_is_better = True


class MultilabelSpecificity(tm.MultilabelSpecificity):
    """torchmetrics', which does not say that more is better."""

    higher_is_better = True


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
        refuse(task, "threshold", threshold != 0.5, LARGEST)
    else:
        options["threshold"] = threshold
    return options
