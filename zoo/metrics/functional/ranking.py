"""How well probabilities rank positives above negatives: areas, distances and shares of curves, exact with ties.

All go by the counts of true and false positives at each distinct probability, and compute in float64. Examples that
tie enter a curve together, as a straight line, so no value depends on the order of the examples.

Predictions are (N,) with targets 0 and 1 (N,), or one column a class or label: (N, K), with classes (N,) or indicators
(N, K). Each column is then scored against the rest, and the columns that have a score are averaged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

RankingAverage = Literal["macro", "weighted"]
#: Of true positives (M + 1,) and false positives (M + 1,) from the highest of M thresholds on, a zero in front.
CurveScore = Callable[[Tensor, Tensor], Tensor]


def roc_auc(preds: Tensor, target: Tensor, average: RankingAverage = "macro") -> Tensor:
    """Area under the ROC curve, () float64: how often a positive ranks above a negative, ties half; Fawcett (2006).

    NaN for a column with no positive or no negative; such columns are left out of an average.

    Example:
        >>> roc_auc(torch.tensor([0.9, 0.6, 0.6, 0.1]), torch.tensor([1, 1, 0, 0])).item()
        0.875
    """
    return one_versus_rest(area_under_roc, preds, target, average)


def gini(preds: Tensor, target: Tensor, average: RankingAverage = "macro") -> Tensor:
    """Gini coefficient, 2 AUC - 1, () float64, from -1 to 1; NaN as for `roc_auc`.

    Example:
        >>> gini(torch.tensor([0.9, 0.6, 0.6, 0.1]), torch.tensor([1, 1, 0, 0])).item()
        0.75
    """
    return one_versus_rest(gini_coefficient, preds, target, average)


def ks(preds: Tensor, target: Tensor, average: RankingAverage = "macro") -> Tensor:
    """Kolmogorov-Smirnov statistic, () float64: the largest distance of the classes' distribution functions.

    max over thresholds of |TPR - FPR|, from 0 to 1; NaN as for `roc_auc`.

    Example:
        >>> ks(torch.tensor([0.9, 0.6, 0.6, 0.1]), torch.tensor([1, 1, 0, 0])).item()
        0.5
    """
    return one_versus_rest(kolmogorov_smirnov, preds, target, average)


def average_precision(preds: Tensor, target: Tensor, average: RankingAverage = "macro") -> Tensor:
    """Σ (Rₙ - Rₙ₋₁) Pₙ over the thresholds, () float64; NaN for a column with no positive, left out of an average.

    Example:
        >>> round(average_precision(torch.tensor([0.9, 0.6, 0.3]), torch.tensor([1, 0, 1])).item(), 4)
        0.8333
    """
    return one_versus_rest(precision_steps, preds, target, average)


def pr_auc(preds: Tensor, target: Tensor, average: RankingAverage = "macro") -> Tensor:
    """Area under the precision-recall points joined by lines, () float64; NaN as for `average_precision`.

    Example:
        >>> round(pr_auc(torch.tensor([0.9, 0.6, 0.3]), torch.tensor([1, 0, 1])).item(), 4)
        0.7917
    """
    return one_versus_rest(precision_trapezoids, preds, target, average)


def gain(preds: Tensor, target: Tensor, share: float = 0.1, average: RankingAverage = "macro") -> Tensor:
    """Share of all positives that are among the `share` of examples ranked first, () float64.

    NaN for a column with no positive, left out of an average.

    Example:
        >>> gain(torch.tensor([0.9, 0.6, 0.5, 0.1]), torch.tensor([1, 0, 1, 0]), share=0.25).item()
        0.5
    """
    return one_versus_rest(partial(positives_found, share=share), preds, target, average)


def lift(preds: Tensor, target: Tensor, share: float = 0.1, average: RankingAverage = "macro") -> Tensor:
    """Rate of positives among the `share` of examples ranked first, over their rate among all; () float64.

    It is gain / share; NaN as for `gain`.

    Example:
        >>> lift(torch.tensor([0.9, 0.6, 0.5, 0.1]), torch.tensor([1, 0, 1, 0]), share=0.25).item()
        2.0
    """
    return one_versus_rest(partial(rate_over_base, share=share), preds, target, average)


def columns(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Predictions (N, K) and indicators (N, K), of those in any of the forms above.

    Raises:
        ValueError: they do not go together.
    """
    preds = preds.unsqueeze(1) if preds.ndim == 1 else preds
    if target.ndim == 1:
        target = functional.one_hot(target, preds.shape[1]) if preds.shape[1] > 1 else target.unsqueeze(1)
    if preds.shape != target.shape:
        raise ValueError(f"predictions {tuple(preds.shape)} do not go with targets {tuple(target.shape)}")
    return preds, target


def one_versus_rest(score: CurveScore, preds: Tensor, target: Tensor, average: RankingAverage) -> Tensor:
    """The average of the columns' scores, over those that have one, () float64; NaN where none has.

    Args:
        score: of the counts along a column's curve; NaN where it is not defined.
        preds: predictions. A column with one that is NaN has the score NaN, and so has an average over it.
        target: targets, as above.
        average: `macro` (mean over columns) or `weighted` (by their positives).
    """
    preds, target = columns(preds, target)
    scores, weights = [], []
    for column, indicators in zip(preds.T, target.T, strict=True):
        if column.isnan().any():
            return torch.full((), torch.nan, dtype=torch.float64, device=preds.device)
        value = score(*cumulative_counts(column, indicators))
        if not value.isnan():
            scores.append(value)
            weights.append(indicators.sum().double() if average == "weighted" else torch.ones_like(value))
    if not scores:
        return torch.full((), torch.nan, dtype=torch.float64, device=preds.device)
    every = torch.stack(weights)
    return (torch.stack(scores) * every).sum() / every.sum()


def cumulative_counts(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """True and false positives if all of at least a threshold are called positive, for each distinct prediction.

    Args:
        preds: (N,).
        target: 0 and 1, (N,).

    Returns:
        Counts (M + 1,) and (M + 1,) float64, from none called positive to all.
    """
    preds, order = preds.sort(descending=True)
    last = torch.ones_like(preds, dtype=torch.bool)  # of the examples that tie
    last[:-1] = preds[1:] != preds[:-1]
    positives = target[order].long().cumsum(0)[last]
    called = last.nonzero().flatten() + 1
    counts = torch.stack([positives, called - positives]).double()
    true, false = functional.pad(counts, (1, 0))
    return true, false


def area_under_roc(true: Tensor, false: Tensor) -> Tensor:
    """Area under the ROC curve of counts; NaN without a positive or without a negative."""
    halves = (false.diff() * (true[1:] + true[:-1])).sum()
    return halves / (2 * true[-1] * false[-1])


def gini_coefficient(true: Tensor, false: Tensor) -> Tensor:
    """2 AUC - 1 of counts; NaN without a positive or without a negative."""
    return 2 * area_under_roc(true, false) - 1


def kolmogorov_smirnov(true: Tensor, false: Tensor) -> Tensor:
    """Largest |TPR - FPR| of counts; NaN without a positive or without a negative."""
    return (true / true[-1] - false / false[-1]).abs().amax()


def precision_steps(true: Tensor, false: Tensor) -> Tensor:
    """Average precision of counts; NaN without a positive."""
    return (true.diff() * precisions(true, false)[1:]).sum() / true[-1]


def precision_trapezoids(true: Tensor, false: Tensor) -> Tensor:
    """Area under the precision-recall lines of counts; NaN without a positive."""
    precision = precisions(true, false)
    return (true.diff() * (precision[1:] + precision[:-1])).sum() / (2 * true[-1])


def precisions(true: Tensor, false: Tensor) -> Tensor:
    """Precision at each threshold, (M + 1,); 1 where nothing is called positive."""
    called = true + false
    return torch.where(called > 0, true / called.clamp(min=1), 1.0)


def positives_found(true: Tensor, false: Tensor, share: float) -> Tensor:
    """Share of the positives among the first `share` of all examples, of counts; NaN without a positive.

    Of examples that tie where the share ends, the part that is within it has its part of their positives.
    """
    called = true + false
    wanted = share * called[-1]
    if len(called) == 1:  # no example
        return torch.full_like(wanted, torch.nan)
    after = torch.searchsorted(called, wanted).clamp(1, len(called) - 1)
    within = (wanted - called[after - 1]) / (called[after] - called[after - 1])
    return torch.lerp(true[after - 1], true[after], within) / true[-1]


def rate_over_base(true: Tensor, false: Tensor, share: float) -> Tensor:
    """Lift at `share`, of counts; NaN without a positive."""
    return positives_found(true, false, share) / share
