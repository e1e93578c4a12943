"""What an image must look like before a model sees it: a description for the data, and the model's own first stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

Interpolation = Literal["bilinear", "bicubic"]

#: Of ImageNet's training images, RGB in 0..1: what every torchvision model was trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """From a picture to what a model is fed, in plain values.

    Attributes:
        size: side of the square that the model is fed, in pixels.
        resize: short side before the centre crop, in pixels; at least `size`, and equal to it where nothing is
            cropped.
        interpolation: how the picture is resized.
        mean: of each channel, in 0..1; the model subtracts it (`Normalise`).
        std: of each channel, in 0..1; the model divides by it.

    Raises:
        ValueError: a value that no picture could be prepared with.

    Example:
        >>> Preprocessing.from_dict({"size": 32, "resize": 32}).to_dict()["interpolation"]
        'bilinear'
    """

    size: int = 224
    resize: int = 256
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self) -> None:
        if self.size < 1 or self.resize < self.size:
            raise ValueError(f"size {self.size} and resize {self.resize}: give 1 <= size <= resize")
        if self.interpolation not in ("bilinear", "bicubic"):
            raise ValueError(f"interpolation {self.interpolation!r}: give bilinear or bicubic")
        if not self.mean or len(self.mean) != len(self.std) or min(self.std) <= 0:
            raise ValueError(f"mean {self.mean} and std {self.std}: give one of each a channel, std above 0")

    def to_dict(self) -> dict[str, Any]:
        """The same in numbers, strings and lists, as YAML, JSON and checkpoints take them."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `to_dict`; what is not given keeps its default, keys of other meaning are left alone.

        Raises:
            ValueError: a value is not of its type, or out of range.
        """
        return cls().updated(values)

    def updated(self, values: Mapping[str, Any]) -> Preprocessing:
        """These values in place of the present ones; a new `size` alone scales `resize` with it.

        Raises:
            ValueError: a value is not of its type, or out of range.
        """
        given: dict[str, Any] = {}
        try:
            given |= {key: int(values[key]) for key in ("size", "resize") if key in values}
            given |= {key: tuple(map(float, values[key])) for key in ("mean", "std") if key in values}
        except (TypeError, ValueError) as error:
            raise ValueError(f"preprocessing {dict(values)}: {error}") from error
        if "interpolation" in values:
            given["interpolation"] = str(values["interpolation"])
        if "size" in given and "resize" not in given:
            given["resize"] = round(given["size"] * self.resize / self.size)
        return replace(self, **given)

    def for_channels(self, channels: int) -> Preprocessing:
        """Mean and deviation for images of another number of channels: those of all present ones, averaged.

        Weights of the first layer are adapted to match: `zoo.models.weights.adapt_channels`.
        """
        if channels == len(self.mean):
            return self
        mean, std = (sum(one) / len(one) for one in (self.mean, self.std))
        return replace(self, mean=(mean,) * channels, std=(std,) * channels)


class Normalise(nn.Module):
    """(x / 255 - mean) / std, the first stage of every image model.

    Mean and deviation are buffers, so that they travel with the weights and with every export.

    Args:
        mean: of each channel, in 0..1.
        std: of each channel, in 0..1.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(list(mean), dtype=torch.float32))
        self.register_buffer("std", torch.tensor(list(std), dtype=torch.float32))

    def forward(self, images: Tensor) -> Tensor:
        """Pictures, uint8 or floating, 0..255, (B, C, H, W), to values around 0 in the dtype of the buffers.

        Raises:
            ValueError: the images have another number of channels.
        """
        channels = len(self.mean)
        if images.dim() != 4 or images.shape[1] != channels:
            raise ValueError(f"images are {tuple(images.shape)}, expected (batch, {channels}, height, width)")
        mean, std = (one.float().view(-1, 1, 1) for one in (self.mean, self.std))
        # As one product and one sum, in float32: an image is the largest tensor of a small network.
        normalised = images.float() * (1 / (255 * std)) - mean / std
        return normalised.to(self.mean.dtype)
