"""From a picture of any size to the square that a model is fed: as it is evaluated, and as training varies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, get_args

import torch
from torch import Tensor

from zoo.data.images.boxes import crop_box, erase_box, uniforms
from zoo.data.images.trivial_augment import trivial_augment
from zoo.errors import ConfigError
from zoo.models.preprocessing import Preprocessing
from zoo.registry import did_you_mean

Augmentation = Literal["none", "flip", "standard", "trivial"]
TestViews = Literal["none", "flip", "five", "ten"]

#: What decides the pixels besides the options: another version of this module makes other pictures.
VERSION = 1

#: Side of a view, as a share of that of the picture; Krizhevsky et al. (2012), section 4.1.
_TEN_CROP_SHARE = 224 / 256


def torchvision_transforms() -> ModuleType:
    """`torchvision.transforms.v2`.

    Raises:
        ConfigError: torchvision is not installed.
    """
    try:
        from torchvision.transforms import v2
    except ImportError as error:
        raise ConfigError("data=images", "needs torchvision", "pip install 'attention-zoo[images]'") from error
    found: ModuleType = v2
    return found


def evaluate(image: Tensor, preprocessing: Preprocessing) -> Tensor:
    """A picture as models are evaluated on it: short side resized, then the centre.

    Exactly the pixels of torchvision's v2 `Resize(resize, antialias=True)` and `CenterCrop(size)`. As `resize` is
    never less than `size`, a picture smaller than that is enlarged, and none is ever padded.

    Args:
        image: uint8 (C, H, W), any size.
        preprocessing: with `resize`, `size` and `interpolation`.

    Returns:
        uint8 (C, size, size); it may share the memory of the image.

    Raises:
        ConfigError: torchvision is not installed.
        ValueError: the image is of another kind.
    """
    _check_image(image)
    transforms = torchvision_transforms()
    functional, mode = transforms.functional, transforms.InterpolationMode(preprocessing.interpolation)
    resized = functional.resize(image, [preprocessing.resize], interpolation=mode, antialias=True)
    centre: Tensor = functional.center_crop(resized, [preprocessing.size, preprocessing.size])
    return centre


@dataclass(frozen=True)
class Augment:
    """A picture as training sees it, another one with every draw.

    Every random number comes from the given generator, and as many are drawn whatever comes of them: with one seed,
    `trivial` sees the crops of `standard`, and erasing changes nothing before it.

    Attributes:
        preprocessing: with `size`, `resize` and `interpolation`.
        augment: `none`: as `evaluate`. `flip`: that, mirrored half of the time. `standard`: a random part, resized
            (Szegedy et al. 2015, section 6), mirrored half of the time. `trivial`: that, and then one operation of
            TrivialAugment (Müller & Hutter 2021).
        erase: probability that a random rectangle is erased (Zhong et al. 2020).
        scale: least and greatest share of the picture's area in a random part. 0.08 to 1 is for training from
            scratch; fine-tuning, which is short, does better with parts that show the object.

    Raises:
        ConfigError: an option is out of range.
    """

    preprocessing: Preprocessing
    augment: Augmentation = "standard"
    erase: float = 0.0
    scale: Sequence[float] = (0.35, 1.0)

    def __post_init__(self) -> None:
        names = get_args(Augmentation)
        if self.augment not in names:
            problem = f"{self.augment!r} is none of {', '.join(names)}{did_you_mean(self.augment, names)}"
            raise ConfigError("data.augment", problem)
        if not 0 <= self.erase <= 1:
            raise ConfigError("data.erase", f"{self.erase} is no probability", "give 0 to 1")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1] <= 1:
            problem = f"{list(self.scale)} is no range of shares"
            raise ConfigError("data.scale", problem, "give two numbers above 0 and up to 1, the lesser first")

    @property
    def key(self) -> str:
        """What decides the pixels besides the picture and the generator: equal for equal augmentations."""
        plan = self.preprocessing
        parts = [f"version {VERSION}", self.augment, f"size {plan.size}", plan.interpolation]
        parts += [f"scale {low:g}..{high:g}" for low, high in [self.scale] if self.cuts]
        parts += [] if self.cuts else [f"resize {plan.resize}"]
        parts += [f"erase {self.erase:g}"] if self.erase else []
        return ", ".join(parts)

    def __call__(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """One draw.

        Args:
            image: uint8 (C, H, W), any size; it is not changed.
            generator: of every random number.

        Returns:
            uint8 (C, size, size); it may share the memory of the image.

        Raises:
            ConfigError: torchvision is not installed, or `trivial` is to change an image of neither 1 nor 3 channels.
            ValueError: the image is of another kind.
        """
        _check_image(image)
        view = self._random_part(image, generator) if self.cuts else evaluate(image, self.preprocessing)
        if self.augment != "none" and uniforms(1, generator)[0] < 0.5:
            view = view.flip(-1)
        if self.augment == "trivial":
            view = trivial_augment(view, torchvision_transforms().functional, generator)
        if self.erase and uniforms(1, generator)[0] < self.erase:
            view = erased(view, generator)
        return view

    @property
    def cuts(self) -> bool:
        """Whether a part is cut out at random."""
        return self.augment in ("standard", "trivial")

    def _random_part(self, image: Tensor, generator: torch.Generator) -> Tensor:
        transforms, plan = torchvision_transforms(), self.preprocessing
        low, high = self.scale
        top, left, height, width = crop_box(image.shape[1], image.shape[2], (low, high), generator)
        part = image[..., top : top + height, left : left + width]
        mode = transforms.InterpolationMode(plan.interpolation)
        resized: Tensor = transforms.functional.resize(part, [plan.size, plan.size], interpolation=mode, antialias=True)
        return resized


def erased(image: Tensor, generator: torch.Generator) -> Tensor:
    """The picture, uint8 (C, H, W), with a random rectangle of random pixels: RE-R of Zhong et al. (2020)."""
    box = erase_box(image.shape[1], image.shape[2], generator)
    if box is None:
        return image
    top, left, height, width = box
    changed = image.clone()
    noise = torch.randint(0, 256, (image.shape[0], height, width), dtype=torch.uint8, generator=generator)
    changed[:, top : top + height, left : left + width] = noise
    return changed


def views(images: Tensor, tta: TestViews, size: int | None = None) -> Tensor:
    """Several views of each picture, whose predictions are averaged at test time.

    Args:
        images: (B, C, H, W), uint8 or floating.
        tta: `none`: the picture. `flip`: that and its mirror image. `five`: the corners and the centre. `ten`: those,
            and those of the mirror image; Krizhevsky et al. (2012), section 4.1.
        size: side of the corners and the centre, in pixels. None: 7/8 of the picture (their 224 of 256), enlarged to
            the size that it had.

    Returns:
        (B, V, C, H, W), or (B, V, C, size, size): the V views of a picture after one another.

    Raises:
        ConfigError: there are no such views, or torchvision is not installed.
        ValueError: the views would be larger than the pictures.
    """
    if tta not in get_args(TestViews):
        names = get_args(TestViews)
        raise ConfigError("data.tta", f"{tta!r} is none of {', '.join(names)}{did_you_mean(tta, names)}")
    if tta == "none":
        return images.unsqueeze(1)
    if tta == "flip":
        return torch.stack([images, images.flip(-1)], 1)
    whole = list(images.shape[-2:])
    if size is not None and size > min(whole):
        raise ValueError(f"views of {size} pixels do not fit into images of {whole[0]} by {whole[1]}")
    part = [size, size] if size is not None else [max(1, round(_TEN_CROP_SHARE * side)) for side in whole]
    functional = torchvision_transforms().functional
    crops = functional.five_crop(images, part) if tta == "five" else functional.ten_crop(images, part)
    stacked = torch.stack(list(crops), 1)
    if size is None:
        stacked = functional.resize(stacked, whole, antialias=True)
    return stacked


def _check_image(image: Tensor) -> None:
    if image.dtype != torch.uint8 or image.dim() != 3 or not image.numel():
        kind = str(image.dtype).removeprefix("torch.")
        raise ValueError(f"an image is {kind} {tuple(image.shape)}, expected uint8 (channels, height, width)")
