"""A picture file of any kind as uint8 pixels, or a sentence on why not."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from zoo.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

Channels = Literal[1, 3, 4]

#: What counts as a picture, by its extension.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif")

_MODES: dict[int, str] = {1: "L", 3: "RGB", 4: "RGBA"}
#: From 16 bits to 8: 65535 becomes 255.
_SIXTEEN = 257


def decode(path: Path, channels: int = 3) -> Tensor:
    """The pixels of a file.

    The first frame of an animation; turned as the camera says (EXIF); transparent pixels over white, where there is
    no channel for them; CMYK, palettes and 16 bits converted.

    Args:
        path: of the file.
        channels: 1: grey, 3: RGB, 4: RGB and opacity.

    Returns:
        uint8 (channels, H, W).

    Raises:
        DataError: it is no picture, damaged, or too large to be one.
        ConfigError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise ConfigError("data=images", "needs Pillow", "pip install 'attention-zoo[images]'") from error
    if channels not in get_args(Channels):
        raise ValueError(f"{channels} channels: give 1, 3 or 4")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that nobody reads, and of sizes that are allowed
            with Image.open(path) as image:
                image.load()
                turned = ImageOps.exif_transpose(image)
            return _pixels(_converted(turned, channels))
    except UnidentifiedImageError:
        problem = "is no picture" if path.stat().st_size else "is empty"
    except Image.DecompressionBombError:
        problem = "has more pixels than any picture should"
    except FileNotFoundError:
        problem = "no such file"
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:  # Pillow raises all of them
        problem = "is truncated" if "truncated" in str(error) else f"cannot be decoded: {error}"
    raise DataError(path, problem=problem, remedy="mend or remove it, or leave it out with data.on_error=skip")


def _converted(image: Image, channels: int) -> Image:
    """The picture with so many channels of 8 bits."""
    from PIL import Image as Pillow

    if image.mode[0] in "IF":  # "I", "I;16", "I;16B", "F"
        image = Pillow.fromarray(_eight_bits(np.asarray(image)))
    if image.mode == "LA" or "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
        image = image.convert("RGBA")
    if image.mode == "RGBA" and channels < 4:
        white = Pillow.new("RGBA", image.size, "white")
        image = Pillow.alpha_composite(white, image).convert("RGB")
    wanted = _MODES[channels]
    return image if image.mode == wanted else image.convert(wanted)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of 16 bits, or of more of which 16 are used, or in 0..1, as uint8.

    Raises:
        ValueError: they are of none of these ranges.
    """
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        if low >= 0 and high <= 1:
            values, low, high = values * 255, 0.0, 255.0
        if low >= 0 and high <= 255:
            whole: np.ndarray = np.rint(values).astype(np.uint8)
            return whole
    elif low >= 0 and high <= 0xFFFF:
        shifted: np.ndarray = ((values.astype(np.uint32) + _SIXTEEN // 2) // _SIXTEEN).astype(np.uint8)
        return shifted
    raise ValueError(f"its grey values, {low:g} to {high:g}, are of no known range")


def _pixels(image: Image) -> Tensor:
    array = np.array(image)
    if array.ndim == 2:
        array = array[:, :, None]
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))
