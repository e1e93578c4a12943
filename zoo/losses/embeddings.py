"""Losses of distances between embeddings: near within a class, far between classes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Gt
from torch import Tensor, nn

from zoo.losses.shapes import mean_where, single


def distances(embeddings: Tensor) -> Tensor:
    """Euclidean distances of all pairs, (B, B), of embeddings (B, D), with a zero gradient at zero distance."""
    return torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")


def same_class(target: Tensor) -> Tensor:
    """Which pairs of examples have one class, (B, B), of classes (B,)."""
    return target.unsqueeze(0) == target.unsqueeze(1)


class Contrastive(nn.Module):
    """½ d² for pairs of one class, ½ max(0, m - d)² for others: Hadsell, Chopra & LeCun (2006), equation 4.

    d is the Euclidean distance of two predictions, and the pairs are all of a batch: a mean over them, whose number is
    `count`. What a model predicts with it is an embedding, whose place says nothing: compare distances.

    Args:
        margin: m, from which on pairs of different classes are far enough.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    target: ClassVar[str] = "class"
    predicts: ClassVar[str] = "embedding"

    def __init__(self, margin: Annotated[float, Gt(0)] = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def count(self, target: Tensor) -> Tensor:
        """The number of pairs, (), in a batch of classes (B,)."""
        return torch.tensor(len(target) * (len(target) - 1) // 2, device=target.device)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss over all pairs, (), in float32 at least; zero for a single example.

        Args:
            prediction: embeddings, (B, D).
            target: classes, (B,), int64.
        """
        far = distances(single(prediction))
        losses = torch.where(same_class(target), far, (self.margin - far).relu()).square() / 2
        return mean_where(losses, torch.ones_like(losses, dtype=torch.bool).triu(diagonal=1))


class Triplet(nn.Module):
    """max(0, m + d(a, p) - d(a, n)): an anchor a, another p of its class, and an n of another class.

    Schroff, Kalenichenko & Philbin (2015), equation 3, with the Euclidean distance d and the triplets of a batch as
    Hermans, Beyer & Leibe (2017) form them: `hard`, for each anchor the farthest p and the nearest n (their equation
    5); or `all` (their equation 6), whose memory grows with B² times the size of a class. A mean over anchors or over
    triplets, whose number is `count`. What a model predicts with it is an embedding, whose place says nothing.

    Args:
        margin: m, by how much n should be farther than p.
        triplets: which of a batch.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    target: ClassVar[str] = "class"
    predicts: ClassVar[str] = "embedding"

    def __init__(self, margin: Annotated[float, Gt(0)] = 1.0, triplets: Literal["hard", "all"] = "hard") -> None:
        super().__init__()
        self.margin = margin
        self.triplets = triplets

    def count(self, target: Tensor) -> Tensor:
        """The number of anchors that have a p and an n, or of triplets, (), in a batch of classes (B,)."""
        near, far = _others(target)
        numbers = near.sum(dim=1) * far.sum(dim=1)
        return numbers.sum() if self.triplets == "all" else (numbers > 0).sum()

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least; zero if there is no triplet.

        Args:
            prediction: embeddings, (B, D).
            target: classes, (B,), int64.
        """
        distance = distances(single(prediction))
        near, far = _others(target)
        if self.triplets == "all":
            anchors, positives = near.nonzero(as_tuple=True)
            gaps = distance[anchors, positives].unsqueeze(1) - distance[anchors]
            return mean_where((self.margin + gaps).relu(), far[anchors])
        farthest = distance.where(near, -1).amax(dim=1)
        nearest = distance.where(far, float("inf")).amin(dim=1)
        counts = near.any(dim=1) & far.any(dim=1)
        gaps = farthest.where(counts, 0) - nearest.where(counts, 0)
        return mean_where((self.margin + gaps).relu(), counts)


def _others(target: Tensor) -> tuple[Tensor, Tensor]:
    """The other examples of each one's class, and those of other classes, (B, B) both, of classes (B,)."""
    same = same_class(target)
    return same & ~torch.eye(len(target), dtype=torch.bool, device=target.device), ~same
