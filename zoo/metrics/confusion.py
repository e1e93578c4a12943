"""The confusion matrix, and what metrics of it have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.plot import plot_confusion_matrix

from zoo.metrics.functional.confusion import Normalisation, counts, normalised
from zoo.metrics.problems import LARGEST, ClassificationProblem, Threshold, fits, refuse, sizes


@fits("binary", "multiclass", "multilabel")
def confusion_matrix(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    normalize: Normalisation = "none",
    threshold: Threshold = 0.5,
) -> Metric:
    """How many examples of each true class (rows) were predicted to be of each class (columns).

    Not one number but (C, C) of them, or (L, 2, 2) for labels, each [[TN, FP], [FN, TP]]; `numbers` names them.

    Args:
        task: the problem.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        normalize: by what counts are divided: nothing, the row's sum (`true`, which makes the diagonal the recalls),
            the column's (`pred`, the precisions), or all. A sum of zero leaves zeros.
        threshold: probability above which class 1 or a label counts as predicted (binary, multilabel).

    Raises:
        ValueError: a threshold for a multiclass problem, or a missing number of classes or labels.
    """
    size = sizes(task, num_classes, num_labels)
    if task == "multiclass":
        refuse(task, "threshold", threshold != 0.5, LARGEST)
    return ConfusionMatrix(size.get("num_classes", 2), size.get("num_labels"), normalize, threshold)


class ConfusionCounts(Metric):
    """Examples counted by true and predicted class, exact over any batches and processes.

    Args:
        num_classes: number of classes C, 2 for a binary problem.
        num_labels: number of labels L of a multilabel problem, else none.
        threshold: probability above which class 1 or a label counts as predicted (binary, multilabel).
    """

    is_differentiable = False
    full_state_update = False

    counts: Tensor

    def __init__(self, num_classes: int = 2, num_labels: int | None = None, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        shape = (num_classes, num_classes) if num_labels is None else (num_labels, 2, 2)
        self.add_state("counts", default=torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Counts a batch.

        Args:
            preds: P(class 1) (B,), or probabilities (B, C) or (B, L).
            target: classes (B,), or indicators (B, L).
        """
        self.counts += counts(preds, target, self.threshold)

    def plot(self, val: Any = None, ax: Any = None) -> tuple[Any, Any]:
        """Draws values of `compute` or `forward`, one or several in their order, or the value now: figure and axes."""
        return self._plot(val, ax)


class ConfusionMatrix(ConfusionCounts):
    """The counts themselves, or shares.

    Args:
        num_classes: number of classes C, 2 for a binary problem.
        num_labels: number of labels L of a multilabel problem, else none.
        normalize: by what counts are divided.
        threshold: probability above which class 1 or a label counts as predicted (binary, multilabel).
    """

    higher_is_better = None

    def __init__(
        self,
        num_classes: int = 2,
        num_labels: int | None = None,
        normalize: Normalisation = "none",
        threshold: float = 0.5,
    ) -> None:
        super().__init__(num_classes, num_labels, threshold)
        self.normalize = normalize

    def compute(self) -> Tensor:
        """Counts int64 or shares float64, (C, C) or (L, 2, 2)."""
        return normalised(self.counts, self.normalize)

    def numbers(self, value: Tensor) -> dict[str, float]:
        """A value as numbers by name: `tn`, `fp`, `fn` and `tp` of two classes; `2_as_0` for class 2 taken for 0.

        Those of labels have the label in front, as `1/tp`.
        """
        if value.ndim == 3:
            return {f"{label}/{name}": one for label, matrix in enumerate(value) for name, one in _four(matrix).items()}
        if len(value) == 2:
            return _four(value)
        rows = enumerate(value.tolist())
        return {f"{true}_as_{predicted}": float(one) for true, row in rows for predicted, one in enumerate(row)}

    def plot(self, val: Any = None, ax: Any = None) -> tuple[Any, Any]:
        """Draws a matrix, or that of all so far, of labels one picture each: figure and axes."""
        figure, axes = plot_confusion_matrix(self.compute() if val is None else val, ax=ax)
        return figure, axes


def _four(matrix: Tensor) -> dict[str, float]:
    """The numbers of two classes by name."""
    return dict(zip(("tn", "fp", "fn", "tp"), map(float, matrix.flatten().tolist()), strict=True))
