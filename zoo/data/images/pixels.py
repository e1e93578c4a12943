"""Decoded pictures, as small as a model needs them, kept on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from zoo.data.arrays import ArrayStore
from zoo.data.images.decoding import decode
from zoo.data.images.transforms import torchvision_transforms
from zoo.models.preprocessing import Preprocessing

#: What decides the pixels besides the file and the options.
VERSION = 1

#: Short side of what random parts are cut from, over that of what is evaluated: most parts then need no enlarging.
DETAIL = 1.25
#: Long side over short side beyond which the ends are cut off; no picture of a camera is as long.
ELONGATION = 4


@dataclass
class Pixels:
    """Pictures resized so that their short side is `side`, which is the first step of evaluation; see `evaluate`.

    Attributes:
        channels: of each picture.
        side: short side in pixels.
        interpolation: how it is resized.
        enlarge: whether pictures with a shorter side are enlarged to it.
        store: where they are kept; None: they are decoded each time.
    """

    channels: int
    side: int
    interpolation: str
    enlarge: bool
    store: ArrayStore | None = None

    @classmethod
    def evaluated(cls, plan: Preprocessing, channels: int, store: ArrayStore | None) -> Pixels:
        """What `evaluate` makes the same pixels of as of the file."""
        return cls(channels, plan.resize, plan.interpolation, enlarge=True, store=store)

    @classmethod
    def detailed(cls, plan: Preprocessing, channels: int, store: ArrayStore | None) -> Pixels:
        """What random parts are cut from."""
        return cls(channels, round(DETAIL * plan.resize), plan.interpolation, enlarge=False, store=store)

    @property
    def key(self) -> str:
        """What decides the pixels besides the file."""
        return f"pixels {VERSION}, {self.channels} x {self.side}{'+' if self.enlarge else ''} {self.interpolation}"

    def of(self, path: Path, key: str) -> Tensor:
        """A picture, uint8 (channels, H, W), not to be written to.

        Args:
            path: of its file.
            key: of what is in the file.

        Raises:
            DataError: it cannot be decoded.
        """
        place = f"{key} {self.key}"
        kept = self.store.get(place) if self.store is not None else None
        if kept is None:
            kept = self.resized(decode(path, self.channels))
            if self.store is not None:
                self.store.put(place, kept)
        return kept

    def resized(self, image: Tensor) -> Tensor:
        """The picture at its size here, without the ends of a very long one.

        They are cut after resizing, by a multiple of four pixels, so that the centre stays the centre.
        """
        height, width = image.shape[1:]
        short = min(height, width)
        if short > self.side or (self.enlarge and short < self.side):
            transforms = torchvision_transforms()
            mode = transforms.InterpolationMode(self.interpolation)
            image = transforms.functional.resize(image, [self.side], interpolation=mode, antialias=True)
        return _without_ends(image)


def _without_ends(image: Tensor) -> Tensor:
    for dimension in (1, 2):
        length, short = image.shape[dimension], min(image.shape[1:])
        surplus = (length - ELONGATION * short) // 4 * 4
        if surplus > 0:
            image = image.narrow(dimension, surplus // 2, length - surplus)
    return image.contiguous()
