"""How good a classifier is, in numbers: over all examples, on average over classes, and for each class."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import torch
from torch import Tensor

from zoo.report.section import Table

#: With more classes than that, ranks of all examples are not computed for each.
RANKED_UP_TO = 200
TOP = (3, 5)


def ranking(probabilities: Tensor, targets: Tensor) -> tuple[list[float | None], list[float | None]]:
    """Area under the ROC and average precision of every class against the others.

    Args:
        probabilities: (N, C).
        targets: classes, (N,).

    Returns:
        One of each a class; None where no example is of the class, or all are, or there are too many classes.
    """
    from torchmetrics.functional.classification import binary_auroc, binary_average_precision

    classes = probabilities.shape[1]
    areas: list[float | None] = [None] * classes
    precisions: list[float | None] = [None] * classes
    if classes > RANKED_UP_TO:
        return areas, precisions
    for one in range(classes):
        positive = (targets == one).long()
        if 0 < int(positive.sum()) < len(positive):
            areas[one] = float(binary_auroc(probabilities[:, one], positive))
            precisions[one] = float(binary_average_precision(probabilities[:, one], positive))
    return areas, precisions


def overall(
    probabilities: Tensor,
    targets: Tensor,
    predicted: Tensor,
    areas: Sequence[float | None],
    precisions: Sequence[float | None],
) -> Table:
    """One number a measure.

    Args:
        probabilities: (N, C).
        targets: classes, (N,).
        predicted: classes, (N,).
        areas: under the ROC, of every class.
        precisions: average precision of every class.
    """
    classes = probabilities.shape[1]
    right = (predicted == targets).double()
    recalls = [float(right[targets == one].mean()) for one in sorted(set(targets.tolist()))]
    rows: list[tuple[str, float | None]] = [
        ("accuracy", float(right.mean())),
        ("balanced accuracy: mean recall", fmean(recalls)),
    ]
    for k in TOP:
        if k < classes:
            best = probabilities.topk(k, dim=1).indices
            rows.append((f"top-{k} accuracy", float((best == targets.unsqueeze(1)).any(1).double().mean())))
    likelihood = probabilities.double().gather(1, targets.unsqueeze(1)).clamp(min=1e-15)
    rows += [
        ("ROC AUC, mean over classes", _mean(areas)),
        ("average precision, mean over classes", _mean(precisions)),
        ("log loss, nats", float(-likelihood.log().mean())),
    ]
    return Table(["measure", "value"], rows, decimals=4)


def averages(true: Sequence[int], taken: Sequence[int], correct: Sequence[int]) -> Table:
    """Precision, recall and F1 averaged over classes, and over examples.

    Args:
        true: examples of every class.
        taken: predictions of every class.
        correct: right predictions of every class.
    """
    present = [place for place, (a, b) in enumerate(zip(true, taken, strict=True)) if a or b]
    each = [
        (
            _part(correct[one], taken[one]),
            _part(correct[one], true[one]),
            _part(2 * correct[one], true[one] + taken[one]),
        )
        for one in present
    ]
    shares = [true[one] / max(1, sum(true)) for one in present]
    rows: list[tuple[str, float, float, float]] = []
    columns = list(zip(*each, strict=True))
    rows.append(("macro: every class counts alike", *(fmean(column) for column in columns)))  # type: ignore[arg-type]
    weighted = [sum(share * value for share, value in zip(shares, column, strict=True)) for column in columns]
    rows.append(("weighted: by its examples", *weighted))
    sums = sum(correct), sum(taken), sum(true)
    micro = _part(sums[0], sums[1]), _part(sums[0], sums[2]), _part(2 * sums[0], sums[1] + sums[2])
    rows.append(("micro: every example counts alike", *micro))
    caption = "A class that is never predicted has precision 0, one without examples recall 0."
    return Table(["average", "precision", "recall", "F1"], rows, caption, decimals=3)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _part(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def confidence(probabilities: Tensor, predicted: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of what was predicted, (N,), and 1 where it was right, (N,)."""
    return probabilities.gather(1, predicted.unsqueeze(1)).squeeze(1), (predicted == targets).to(torch.int64)
