"""Token embeddings and the product with the vocabulary, which may be one matrix."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention.precision import at_least_float32
from zoo.seq2seq.recurrence.precision import product_type

#: Which of the source's embeddings, the target's and the softmax's weights are one matrix.
Tie = Literal["none", "source_target", "target_softmax", "all"]


def make_embedding(vocabulary_size: int, size: int) -> nn.Embedding:
    """Vectors (V, E), normal with a standard deviation of 1 / √E: of length 1, and logits of 1 where they are tied."""
    embedding = nn.Embedding(vocabulary_size, size)
    nn.init.normal_(embedding.weight, std=size**-0.5)
    return embedding


class Vocabulary(nn.Module):
    """Features to logits, W x + b.

    Args:
        feature_size: F.
        vocabulary_size: V.
        tied: embeddings (V, E) to take for W; where E is not F, features are projected to E first. None for a W of its
            own; Press & Wolf (2017).
    """

    def __init__(self, feature_size: int, vocabulary_size: int, tied: nn.Embedding | None = None) -> None:
        super().__init__()
        self.projection: nn.Linear | None = None
        if tied is not None and tied.embedding_dim != feature_size:
            self.projection = nn.Linear(feature_size, tied.embedding_dim, bias=False)
        if tied is not None:
            self.weight = tied.weight
        else:
            bound = feature_size**-0.5
            self.weight = nn.Parameter(torch.empty(vocabulary_size, feature_size).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))

    def forward(self, features: Tensor) -> Tensor:
        """(..., F) -> (..., V)."""
        if self.projection is not None:
            features = self.projection(features)
        return nn.functional.linear(features, self.weight, self.bias)

    def logits(self, features: Tensor) -> Tensor:
        """The same in float32 at least, for a search: b is added there, and tells logits apart that would be equal."""
        if product_type(self.weight) == self.bias.dtype or torch.is_grad_enabled():
            return at_least_float32(self(features))
        if self.projection is not None:
            features = self.projection(features)
        product = at_least_float32(nn.functional.linear(features, self.weight))
        return product.add_(self.bias)
