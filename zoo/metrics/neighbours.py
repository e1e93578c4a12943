"""Metrics of embeddings: whether what is near is of the same class."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from zoo.metrics.problems import fits

#: Distances computed at once.
_AT_ONCE = 16_000_000


def nearest_share(embeddings: Tensor, target: Tensor, k: int = 1) -> Tensor:
    """Share of examples with one of their class among their k nearest others, (), float64.

    Args:
        embeddings: (N, D).
        target: classes, (N,), int64.
        k: neighbours that count.

    Returns:
        NaN where no class has two examples: those that are alone in theirs are left out.
    """
    points = embeddings.double()
    norms = points.square().sum(1)
    found, counted = points.new_zeros(()), 0
    rows = max(1, _AT_ONCE // max(1, len(points)))
    for start in range(0, len(points), rows):
        part = slice(start, start + rows)
        distances = norms[part, None] - 2 * points[part] @ points.T + norms
        own = torch.arange(start, start + len(distances), device=points.device)
        distances[torch.arange(len(own), device=points.device), own] = torch.inf
        same = target[part, None] == target
        same[torch.arange(len(own), device=points.device), own] = False
        usable = same.any(1)
        near = distances.topk(min(k, max(1, len(points) - 1)), largest=False).indices
        found += (same.gather(1, near).any(1) & usable).sum()
        counted += int(usable.sum())
    return found / counted if counted else points.new_tensor(torch.nan)


class NearestShare(Metric):
    """`nearest_share` over all batches and processes, which keep their embeddings until then.

    Args:
        k: neighbours that count.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    embeddings: list[Tensor]
    target: list[Tensor]

    def __init__(self, k: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.k = k
        self.add_state("embeddings", [], dist_reduce_fx="cat")
        self.add_state("target", [], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Embeddings (B, D) and classes (B,)."""
        if preds.ndim != 2 or target.shape != preds.shape[:1]:
            raise ValueError(
                f"embeddings {tuple(preds.shape)} and classes {tuple(target.shape)}: expected (B, D), (B,)"
            )
        # Flat and of one type, as a process without examples exchanges nothing but that.
        self.embeddings.append(preds.detach().float().flatten())
        self.target.append(target.float())

    def compute(self) -> Tensor:
        """The share, (); NaN without two examples of a class."""
        if not len(self.target):
            return torch.tensor(torch.nan)
        target = dim_zero_cat(self.target)
        return nearest_share(dim_zero_cat(self.embeddings).view(len(target), -1), target, self.k)


@fits("binary", "multiclass", predicts="embedding")
def recall_at_k(k: Annotated[int, Ge(1)] = 1) -> Metric:
    """Share of examples with one of their own class among their k nearest others, from 0 to 1; Song et al. (2016).

    Euclidean distances, in float64. An example that is alone in its class is left out; NaN where all are.

    Args:
        k: neighbours that count.
    """
    return NearestShare(k)
