"""Normalisation of hidden features, and of the maps of a convolution, by name."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

#: Of feature vectors. Instance normalisation is none of them: over the one place of a vector it leaves nothing.
Normalisation = Literal["none", "batch", "layer", "group", "rms"]
#: Of maps.
MapNormalisation = Literal["none", "batch", "layer", "group", "instance"]


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


def make_normalisation(name: Normalisation, features: int, groups: int = 8) -> nn.Module:
    """A new normalisation of feature vectors, (B, H) -> (B, H).

    Args:
        name: `none`, `batch` (Ioffe & Szegedy 2015), `layer` (Ba, Kiros & Hinton 2016), `group` (Wu & He 2018), or
            `rms`: x / √(mean x² + ε) times a learned gain, with neither mean nor shift (Zhang & Sennrich 2019).
        features: H.
        groups: of `group`, each normalised as a layer is; a divisor of H.

    Raises:
        ValueError: groups that do not divide H, or of one feature each.
    """
    if name == "batch":
        return BatchNorm(features)
    if name == "layer":
        return nn.LayerNorm(features)
    if name == "rms":
        return nn.RMSNorm(features)
    if name == "group":
        if features == groups:
            raise ValueError(f"{groups} groups of {features} features are of one each, which leaves zeros; take fewer")
        return _group(features, groups)
    return nn.Identity()


def make_map_normalisation(name: MapNormalisation, channels: int, groups: int = 8) -> nn.Module:
    """A new normalisation of maps, (B, C, X, Y) -> (B, C, X, Y), with a gain and a shift for each channel.

    Args:
        name: over what mean and variance are taken, of which examples' which channels: `batch`, all examples and one
            channel; `layer`, one example and all channels; `group`, one example and C / groups channels (Wu & He
            2018); `instance`, one example and one channel (Ulyanov, Vedaldi & Lempitsky 2016). Or `none`.
        channels: C.
        groups: of `group`; a divisor of C.

    Raises:
        ValueError: groups that do not divide C.
    """
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    if name in ("layer", "group"):
        return _group(channels, 1 if name == "layer" else groups)
    return nn.Identity()


def _group(features: int, groups: int) -> nn.GroupNorm:
    """Raises: ValueError: groups that do not divide the features."""
    if features % groups:
        raise ValueError(f"{groups} groups do not divide {features} features; take a divisor")
    return nn.GroupNorm(groups, features)
