"""TrivialAugment, wide: one operation on a picture, of a strength drawn at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.data.images.boxes import uniforms
from zoo.errors import ConfigError

#: Strengths of each operation; Müller & Hutter (2021), section 3.
BINS = 31


@dataclass(frozen=True)
class Operation:
    """One way to change a picture.

    Attributes:
        name: as in the paper.
        apply: from torchvision's functional module, uint8 (C, H, W) and a strength to uint8 (C, H, W).
        strengths: from the first bin to the last, in steps of equal size; None: there is but one.
        signed: whether the strength gets a random sign.
    """

    name: str
    apply: Callable[[Any, Tensor, float], Tensor]
    strengths: tuple[float, float] | None = None
    signed: bool = False

    def strength(self, bin_: int) -> float:
        """The strength of a bin, 0 ... 30, before its sign; 0 where there is but one."""
        if self.strengths is None:
            return 0.0
        first, last = self.strengths
        return first + (last - first) * bin_ / (BINS - 1)


def _moved(functional: Any, image: Tensor, shift: tuple[int, int]) -> Tensor:
    moved: Tensor = functional.affine(image, angle=0.0, translate=list(shift), scale=1.0, shear=[0.0, 0.0])
    return moved


def _sheared(functional: Any, image: Tensor, x: float, y: float) -> Tensor:
    """x and y are tangents; the upper left corner stays where it is."""
    shear = [math.degrees(math.atan(x)), math.degrees(math.atan(y))]
    sheared: Tensor = functional.affine(image, angle=0.0, translate=[0, 0], scale=1.0, shear=shear, center=[0, 0])
    return sheared


#: The "Wide" space of Müller & Hutter (2021); the four that go by a factor as torchvision has them, 1 ± 0.99.
OPERATIONS = (
    Operation("identity", lambda functional, image, _: image),
    Operation("auto_contrast", lambda functional, image, _: functional.autocontrast(image)),
    Operation("equalize", lambda functional, image, _: functional.equalize(image)),
    Operation("rotate", lambda functional, image, by: functional.rotate(image, by), (0, 135), signed=True),
    Operation("solarize", lambda functional, image, at: functional.solarize(image, 255 * at), (1, 0)),
    Operation("posterize", lambda functional, image, bits: functional.posterize(image, round(bits)), (8, 2)),
    Operation("color", lambda functional, image, by: functional.adjust_saturation(image, 1 + by), (0, 0.99), True),
    Operation("contrast", lambda functional, image, by: functional.adjust_contrast(image, 1 + by), (0, 0.99), True),
    Operation("brightness", lambda functional, image, by: functional.adjust_brightness(image, 1 + by), (0, 0.99), True),
    Operation("sharpness", lambda functional, image, by: functional.adjust_sharpness(image, 1 + by), (0, 0.99), True),
    Operation("shear_x", lambda functional, image, by: _sheared(functional, image, by, 0), (0, 0.99), True),
    Operation("shear_y", lambda functional, image, by: _sheared(functional, image, 0, by), (0, 0.99), True),
    Operation("translate_x", lambda functional, image, by: _moved(functional, image, (int(by), 0)), (0, 32), True),
    Operation("translate_y", lambda functional, image, by: _moved(functional, image, (0, int(by))), (0, 32), True),
)


def draw_operation(generator: torch.Generator) -> tuple[Operation, float]:
    """An operation and its strength: operations, bins and signs are as likely each."""
    which, bin_, sign = uniforms(3, generator)
    operation = OPERATIONS[int(len(OPERATIONS) * which)]
    strength = operation.strength(int(BINS * bin_))
    return operation, -strength if operation.signed and sign < 0.5 else strength


def trivial_augment(image: Tensor, functional: Any, generator: torch.Generator) -> Tensor:
    """A picture after one random operation; what comes into view is black.

    Args:
        image: uint8 (C, H, W).
        functional: `torchvision.transforms.v2.functional`.
        generator: of operation and strength.

    Returns:
        uint8 (C, H, W); it may be the image itself.

    Raises:
        ConfigError: the image has neither 1 nor 3 channels.
    """
    if image.shape[0] not in (1, 3):
        problem = f"trivial changes colours, and the images have {image.shape[0]} channels"
        raise ConfigError("data.augment", problem, "choose standard")
    operation, strength = draw_operation(generator)
    return operation.apply(functional, image, strength)
