"""Counts of examples by true and predicted class, from which metrics of decisions follow."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Normalisation = Literal["none", "true", "pred", "all"]


def confusion_matrix(
    preds: Tensor,
    target: Tensor,
    threshold: float = 0.5,
    normalize: Normalisation = "none",
) -> Tensor:
    """How many examples of each true class (rows) were predicted to be of each class (columns).

    Args:
        preds: P(class 1) (N,); probabilities of classes (N, C), or with targets (N, L) those of labels (N, L).
        target: classes (N,), or indicators (N, L).
        threshold: probability above which class 1 or a label counts as predicted.
        normalize: by what counts are divided: nothing, the row's sum (`true`), the column's (`pred`), or all. A sum of
            zero leaves zeros.

    Returns:
        Counts (C, C) int64, or for labels (L, 2, 2), each [[TN, FP], [FN, TP]]; shares in float64 where normalised.

    Example:
        >>> confusion_matrix(torch.tensor([0.9, 0.6, 0.2, 0.1]), torch.tensor([1, 0, 0, 0])).tolist()
        [[2, 1], [0, 1]]
    """
    return normalised(counts(preds, target, threshold), normalize)


def counts(preds: Tensor, target: Tensor, threshold: float) -> Tensor:
    """Counts (C, C) or (L, 2, 2), int64, of predictions and targets as `confusion_matrix` takes them."""
    if target.ndim == 2:
        labels = target.shape[1]
        cells = 2 * target.long() + (preds > threshold)
        cells = cells + 4 * torch.arange(labels, device=cells.device)
        return torch.bincount(cells.flatten(), minlength=4 * labels).reshape(labels, 2, 2)
    classes = 2 if preds.ndim == 1 else preds.shape[1]
    predicted = (preds > threshold).long() if preds.ndim == 1 else preds.argmax(1)
    return torch.bincount(classes * target + predicted, minlength=classes * classes).reshape(classes, classes)


def normalised(matrix: Tensor, normalize: Normalisation) -> Tensor:
    """Counts as shares; see `confusion_matrix`."""
    if normalize == "none":
        return matrix
    dimensions = {"true": (-1,), "pred": (-2,), "all": (-2, -1)}[normalize]
    sums = matrix.sum(dimensions, keepdim=True)
    return matrix.double() / sums.clamp(min=1)
