"""Ranking metrics, of several classes as of two."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from zoo.metrics.functional.ranking import RankingAverage, columns, cumulative_counts, one_versus_rest


class OneVersusRest(Metric):
    """A score of a curve over thresholds: of each class against the rest, averaged over the classes that have one.

    torchmetrics' own average counts a class that no example has as zero, which makes a perfect ranking on a
    small test set look bad. Here such a class is left out. Keeps every prediction, so that ties and ranks are
    exact whatever the batches and processes.

    A subclass has `score`, and `curve` with `axes` for the picture.

    Args:
        size: number of classes or labels; 1 for a binary problem, whose predictions are P(class 1).
        average: macro (mean over classes) or weighted (by their positives).
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    #: What the picture's axes show.
    axes = ("false positive rate", "true positive rate")

    preds: list[Tensor]
    target: list[Tensor]

    def __init__(self, size: int = 1, average: RankingAverage = "macro") -> None:
        super().__init__()
        self.size = size
        self.average = average
        # Flat and float32, as torchmetrics makes the state of a process that has seen no example.
        self.add_state("preds", default=[], dist_reduce_fx="cat")
        self.add_state("target", default=[], dist_reduce_fx="cat")

    def score(self, true: Tensor, false: Tensor) -> Tensor:
        """The score of true and false positives (M + 1,) at each threshold, (); NaN where it is not defined."""
        raise TypeError(f"{type(self).__name__} has no score")

    def curve(self, true: Tensor, false: Tensor) -> tuple[Tensor, Tensor]:
        """What the picture shows of the same counts: places on the two axes, (M + 1,) each."""
        return false / false[-1], true / true[-1]

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Keeps a batch.

        Args:
            preds: probabilities, (B,), (B, C) or (B, L).
            target: classes (B,), or indicators (B, L).
        """
        preds, target = columns(preds.detach(), target)
        self.preds.append((preds if preds.dtype == torch.float64 else preds.float()).flatten())
        self.target.append(target.float().flatten())

    def compute(self) -> Tensor:
        """The average over the classes with a score, () float64; NaN where none has one."""
        return one_versus_rest(self.score, *self._kept(), self.average)

    def plot(self, val: Any = None, ax: Any = None) -> tuple[Any, Any]:
        """Draws the curve of each class that has a score, or values.

        Args:
            val: values of `compute` or `forward`, one or several in their order, to draw instead of the curve.
            ax: where to draw; a new figure if left out.

        Returns:
            Figure and axes.
        """
        if val is not None:
            return self._plot(val, ax)
        from matplotlib.figure import Figure

        ax = Figure(layout="constrained").add_subplot() if ax is None else ax
        preds, target = self._kept()
        for k in range(self.size):
            counts = cumulative_counts(preds[:, k], target[:, k])
            value = self.score(*counts)
            if not value.isnan():
                label = f"{value.item():.4f}" if self.size == 1 else f"{k}: {value.item():.4f}"
                ax.plot(*(places.cpu().numpy() for places in self.curve(*counts)), label=label)
        ax.set(xlabel=self.axes[0], ylabel=self.axes[1], title=f"{type(self).__name__} {self.compute().item():.4f}")
        if ax.lines:
            ax.legend()
        return ax.get_figure(), ax

    def _kept(self) -> tuple[Tensor, Tensor]:
        """Predictions and indicators so far, (N, K) each."""
        if isinstance(self.preds, list) and not self.preds:
            nothing = torch.zeros(0, self.size, device=self.device)
            return nothing, nothing
        preds, target = dim_zero_cat(self.preds), dim_zero_cat(self.target)
        return preds.reshape(-1, self.size), target.reshape(-1, self.size)
