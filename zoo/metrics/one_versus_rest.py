"""Ranking metrics of several classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

RankingAverage = Literal["macro", "weighted"]
RankingScore = Callable[..., Tensor]


class OneVersusRest(Metric):
    """A binary ranking score of each class against the rest, averaged over the classes that have one.

    torchmetrics' own average counts a class that no example has as zero, which makes a perfect ranking on a
    small test set look bad. Here such a class is left out. Keeps every prediction, so that ties and ranks are
    exact.

    Args:
        score: of predictions (N,) and targets (N,), as torchmetrics' functional ones.
        needs_negatives: whether the score is undefined without a negative; it always is without a positive.
        average: macro (mean over classes) or weighted (by their positives).
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    preds: list[Tensor]
    target: list[Tensor]

    def __init__(self, score: RankingScore, *, needs_negatives: bool, average: RankingAverage = "macro") -> None:
        super().__init__()
        self.score = score
        self.needs_negatives = needs_negatives
        self.average = average
        self.add_state("preds", default=[], dist_reduce_fx="cat")
        self.add_state("target", default=[], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Keeps a batch.

        Args:
            preds: probabilities, (B,), (B, C) or (B, L).
            target: classes (B,), or indicators (B, L).
        """
        self.preds.append(preds.detach().float())
        self.target.append(target)

    def compute(self) -> Tensor:
        """The average over the classes with a score, (); NaN where none has one."""
        preds, target = dim_zero_cat(self.preds), dim_zero_cat(self.target)
        if preds.ndim == 1:
            preds, target = preds.unsqueeze(1), target.unsqueeze(1)
        elif target.ndim == 1:
            target = functional.one_hot(target, preds.shape[1])
        positives = target.sum(0)
        defined = positives > 0
        if self.needs_negatives:
            defined &= positives < len(target)
        if not defined.any():
            return preds.new_full((), torch.nan)
        scores = torch.stack(
            [self.score(preds[:, k], target[:, k], validate_args=False) for k in defined.nonzero().flatten().tolist()]
        )
        weights = positives[defined].to(scores.dtype) if self.average == "weighted" else torch.ones_like(scores)
        return (scores * weights).sum() / weights.sum()
