"""How far predicted classes agree with the true ones, beyond the share that is right."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from zoo.metrics.functional.confusion import counts

KappaWeights = Literal["none", "linear", "quadratic"]


def balanced_accuracy(preds: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """Mean of the classes' recalls, over the classes that have an example; Brodersen et al. (2010).

    Args:
        preds: P(class 1) (N,), or probabilities (N, C).
        target: classes, (N,).
        threshold: probability above which class 1 counts as predicted, where predictions are (N,).

    Returns:
        () float64; NaN without an example.

    Example:
        >>> balanced_accuracy(torch.tensor([0.9, 0.6, 0.2, 0.1, 0.3]), torch.tensor([1, 0, 0, 0, 0])).item()
        0.875
    """
    return mean_recall(counts(preds, target, threshold))


def mcc(preds: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """Matthews' correlation coefficient of true and predicted classes, from -1 to 1; Gorodkin (2004) for several.

    Args:
        preds: P(class 1) (N,), or probabilities (N, C).
        target: classes, (N,).
        threshold: probability above which class 1 counts as predicted, where predictions are (N,).

    Returns:
        () float64; 0 where all examples or all predictions are of one class; NaN without an example.

    Example:
        >>> round(mcc(torch.tensor([0.9, 0.6, 0.2, 0.1]), torch.tensor([1, 0, 0, 0])).item(), 4)
        0.5774
    """
    return correlation(counts(preds, target, threshold))


def cohen_kappa(preds: Tensor, target: Tensor, weights: KappaWeights = "none", threshold: float = 0.5) -> Tensor:
    """Agreement beyond that of chance, (pₒ - pₑ) / (1 - pₑ), from -1 to 1; Cohen (1960), weighted: Cohen (1968).

    Args:
        preds: P(class 1) (N,), or probabilities (N, C).
        target: classes, (N,).
        weights: how bad a mistake is: `none`: all alike; `linear` or `quadratic` in the distance of the classes, where
            their order means something.
        threshold: probability above which class 1 counts as predicted, where predictions are (N,).

    Returns:
        () float64; NaN where all examples and all predictions are of one class, and chance agrees fully, or without
        an example.

    Example:
        >>> cohen_kappa(torch.tensor([0.9, 0.6, 0.2, 0.1]), torch.tensor([1, 0, 0, 0])).item()
        0.5
    """
    return chance_corrected(counts(preds, target, threshold), weights)


def mean_recall(matrix: Tensor) -> Tensor:
    """Balanced accuracy of counts (C, C)."""
    examples = matrix.sum(1)
    present = examples > 0
    return (matrix.diagonal()[present].double() / examples[present]).mean()


def correlation(matrix: Tensor) -> Tensor:
    """Matthews' coefficient of counts (C, C)."""
    matrix = matrix.double()
    true, predicted, total = matrix.sum(1), matrix.sum(0), matrix.sum()
    covariance = matrix.trace() * total - true @ predicted
    deviations = (total**2 - true @ true).sqrt() * (total**2 - predicted @ predicted).sqrt()
    alone = (true.amax() == total) | (predicted.amax() == total)
    return torch.where(total == 0, torch.nan, torch.where(alone, 0.0, covariance / deviations))


def chance_corrected(matrix: Tensor, weights: KappaWeights) -> Tensor:
    """Cohen's kappa of counts (C, C)."""
    matrix = matrix.double()
    expected = torch.outer(matrix.sum(1), matrix.sum(0)) / matrix.sum()
    places = torch.arange(len(matrix), device=matrix.device, dtype=matrix.dtype)
    distance = (places.unsqueeze(1) - places).abs()
    badness = {"none": distance.clamp(max=1), "linear": distance, "quadratic": distance.square()}[weights]
    chance = (badness * expected).sum()
    return torch.where(chance > 0, 1 - (badness * matrix).sum() / chance, torch.nan)
