"""What one finds among the examples that are ranked first: gain and lift, as campaigns are planned by."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Interval
from torch import Tensor
from torchmetrics import Metric

from zoo.metrics.functional import ranking
from zoo.metrics.functional.ranking import RankingAverage
from zoo.metrics.one_versus_rest import OneVersusRest
from zoo.metrics.problems import ClassificationProblem, fits
from zoo.metrics.ranking import column_options

Share = Annotated[float, Interval(gt=0, le=1)]


@fits("binary", "multiclass", "multilabel")
def gain(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    share: Share = 0.1,
    average: RankingAverage | None = None,
) -> Metric:
    """Share of all positives that are among the `share` of examples with the highest probabilities, from 0 to 1.

    The height of the cumulative gains curve at `share`, which by chance is `share`. The curve is a straight line
    between examples, and across those that tie: where `share` ends within a tie, what is expected of a random order
    counts. A class with no positive is left out of the average, and where none is left the metric is NaN.

    Args:
        task: the problem; a binary one has the gain of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        share: of the examples, ranked by their probability.
        average: over classes or labels: macro (mean, the default) or weighted (by their examples).

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    return Gain(share, *column_options(task, num_classes, num_labels, average))


@fits("binary", "multiclass", "multilabel")
def lift(
    task: ClassificationProblem,
    num_classes: int | None = None,
    num_labels: int | None = None,
    share: Share = 0.1,
    average: RankingAverage | None = None,
) -> Metric:
    """Rate of positives among the `share` of examples with the highest probabilities, over their rate among all.

    gain / share, from 0: how many times more positives than by chance, 1. Ties as for `gain`. A class with no
    positive is left out of the average, and where none is left the metric is NaN.

    Args:
        task: the problem; a binary one has the lift of class 1.
        num_classes: number of classes of a multiclass problem.
        num_labels: number of labels of a multilabel problem.
        share: of the examples, ranked by their probability.
        average: over classes or labels: macro (mean, the default) or weighted (by their examples).

    Raises:
        ValueError: an average for a binary problem, or a missing number of classes or labels.
    """
    return Lift(share, *column_options(task, num_classes, num_labels, average))


class Gain(OneVersusRest):
    """Share of the positives found, drawn over the share of examples looked at.

    Args:
        share: of the examples.
        size: number of classes or labels, 1 for a binary problem.
        average: over them.
    """

    plot_lower_bound = 0.0
    plot_upper_bound: float | None = 1.0
    axes = ("share of examples", "share of positives found")

    def __init__(self, share: float = 0.1, size: int = 1, average: RankingAverage = "macro") -> None:
        super().__init__(size, average)
        self.share = share

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The share found, ()."""
        return ranking.positives_found(true, false, self.share)

    def curve(self, true: Tensor, false: Tensor) -> tuple[Tensor, Tensor]:
        """Shares looked at, and the share found with each."""
        called = true + false
        return called / called[-1], true / true[-1]


class Lift(Gain):
    """Share found over share looked at, drawn from the first tie on."""

    plot_upper_bound = None
    axes = ("share of examples", "lift")

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The lift, ()."""
        return ranking.rate_over_base(true, false, self.share)

    def curve(self, true: Tensor, false: Tensor) -> tuple[Tensor, Tensor]:
        """Shares looked at, and the lift at each."""
        shares, found = super().curve(true[1:], false[1:])
        return shares, found / shares
