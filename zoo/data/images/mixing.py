"""Training examples that are made of two: mixup and CutMix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zoo.data.images.boxes import Box, cut_box, uniforms
from zoo.errors import ConfigError


@dataclass(frozen=True)
class Mix:
    """Each image of a batch mixed with another one of it, and the targets in the same shares.

    With both kinds, each is as likely for a batch. One λ is drawn for a batch, and one permutation.

    Attributes:
        mixup: α of λ ~ Beta(α, α), the share of an image in a weighted sum (Zhang et al. 2018, section 2); 0: never.
        cutmix: α of λ ~ Beta(α, α), the share of an image that is left when a rectangle of another is put into it
            (Yun et al. 2019, section 3.1); 0: never.
        num_classes: C.

    Raises:
        ConfigError: an α is negative.
    """

    mixup: float
    cutmix: float
    num_classes: int

    def __post_init__(self) -> None:
        for name, alpha in (("mixup", self.mixup), ("cutmix", self.cutmix)):
            if not 0 <= alpha < math.inf:
                problem = f"{alpha} is no α of a Beta distribution"
                raise ConfigError(f"data.{name}", problem, "give a number above 0, such as 0.2, or 0 for none")

    def __call__(self, inputs: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch, mixed.

        Args:
            inputs: uint8 or floating (B, C, H, W), 0..255; they are not changed.
            targets: class indices, int64 (B,).
            generator: of every random number.

        Returns:
            Inputs (B, C, H, W), 0..255: float32 after mixup, else of the type they had. Targets, float32 (B, C):
            shares of the classes, which sum to 1.
        """
        shares = torch.nn.functional.one_hot(targets, self.num_classes).float()
        if not self.mixup and not self.cutmix:
            return inputs, shares
        coin = uniforms(1, generator)[0]
        others = torch.randperm(len(inputs), generator=generator)
        if self.mixup and (not self.cutmix or coin < 0.5):
            left = draw_share(self.mixup, generator)
            whole = inputs.float()
            inputs = whole[others].lerp_(whole, left)
        else:
            height, width = inputs.shape[-2:]
            box = cut_box(height, width, draw_share(self.cutmix, generator), generator)
            left = 1 - box[2] * box[3] / (height * width)
            inputs = _pasted(inputs, others, box)
        return inputs, torch.lerp(shares[others], shares, left)


def draw_share(alpha: float, generator: torch.Generator) -> float:
    """λ ~ Beta(α, α), in 0..1."""
    # torch's own Beta distribution takes no generator.
    seed = int(torch.randint(2**63 - 1, (), generator=generator))
    return float(np.random.default_rng(seed).beta(alpha, alpha))


def _pasted(inputs: Tensor, others: Tensor, box: Box) -> Tensor:
    """The images with a rectangle of others in it."""
    top, start, height, width = box
    place = (..., slice(top, top + height), slice(start, start + width))
    changed = inputs.clone()
    changed[place] = inputs[place][others]
    return changed
