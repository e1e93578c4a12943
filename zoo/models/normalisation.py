"""Normalisation of hidden features, by name."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

Normalisation = Literal["none", "batch", "layer"]


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation (Ioffe & Szegedy 2015, algorithm 1) that can also train on a batch of one.

    The variance of one row is zero, so torch refuses it, and a training set whose last batch has one row
    would stop at the end of its first epoch. Here such a row is normalised with the running statistics, which
    it leaves as they are.
    """

    def forward(self, features: Tensor) -> Tensor:
        """(B, H) -> (B, H)."""
        if self.training and len(features) == 1:
            return functional.batch_norm(
                features, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(features)


def make_normalisation(name: Normalisation, features: int) -> nn.Module:
    """A new normalisation of `features` hidden features; `none` is the identity."""
    if name == "batch":
        return BatchNorm(features)
    if name == "layer":
        return nn.LayerNorm(features)
    return nn.Identity()
