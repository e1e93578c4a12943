"""Rectangles drawn at random: to cut out of a picture, to erase in it, to fill with another."""

from __future__ import annotations

import math

import torch

#: Width over height of a random part; Szegedy et al. (2015), section 6.
CROP_RATIOS = (3 / 4, 4 / 3)
#: Share of the picture that is erased, and height over width of that; Zhong et al. (2020).
ERASED_SHARES = (0.02, 0.4)
ERASED_RATIOS = (0.3, 1 / 0.3)

#: Top, left, height and width, in pixels.
Box = tuple[int, int, int, int]

_ATTEMPTS = 10


def uniforms(count: int, generator: torch.Generator) -> list[float]:
    """So many numbers in [0, 1), float64."""
    drawn: list[float] = torch.rand(count, dtype=torch.float64, generator=generator).tolist()
    return drawn


def crop_box(height: int, width: int, scale: tuple[float, float], generator: torch.Generator) -> Box:
    """A random part of a picture; Szegedy et al. (2015), section 6.

    Share of the area and logarithm of width over height are uniform, the place is uniform among those where the part
    fits. One that fits nowhere is drawn anew; after ten of them it is the greatest part in the centre that has an
    allowed ratio.

    Args:
        height: H of the picture, in pixels.
        width: W of the picture, in pixels.
        scale: least and greatest share of the area.
        generator: of the draws.

    Returns:
        Top, left, height and width, in pixels.
    """
    draws = uniforms(4 * _ATTEMPTS, generator)
    for share, ratio, down, across in zip(*(draws[one::4] for one in range(4)), strict=True):
        area = _between(scale, share) * height * width
        aspect = _log_between(CROP_RATIOS, ratio)
        part = max(1, round(math.sqrt(area / aspect))), max(1, round(math.sqrt(area * aspect)))
        if part[0] <= height and part[1] <= width:
            return _place(height - part[0], down), _place(width - part[1], across), *part
    part = min(height, max(1, round(width / CROP_RATIOS[0]))), min(width, max(1, round(height * CROP_RATIOS[1])))
    return (height - part[0]) // 2, (width - part[1]) // 2, *part


def erase_box(height: int, width: int, generator: torch.Generator) -> Box | None:
    """A random rectangle to erase; Zhong et al. (2020), algorithm 1, with the ratio uniform in its logarithm.

    Returns:
        Top, left, height and width, in pixels; None in the rare case that ten draws did not fit.
    """
    draws = uniforms(4 * _ATTEMPTS, generator)
    for share, ratio, down, across in zip(*(draws[one::4] for one in range(4)), strict=True):
        area = _between(ERASED_SHARES, share) * height * width
        aspect = _log_between(ERASED_RATIOS, ratio)
        part = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if part[0] < height and part[1] < width:
            return _place(height - part[0], down), _place(width - part[1], across), *part
    return None


def cut_box(height: int, width: int, left: float, generator: torch.Generator) -> Box:
    """The rectangle that another image fills; Yun et al. (2019), equation 2, clipped to the image.

    Args:
        height: H, in pixels.
        width: W, in pixels.
        left: λ, the share of the area that is left of the image, before clipping.
        generator: of its centre.

    Returns:
        Top, left, height and width, in pixels; both may be 0.
    """
    side = math.sqrt(1 - left)
    edges = []
    for room, draw in zip((height, width), uniforms(2, generator), strict=True):
        cut = round(room * side)
        first = int(room * draw) - cut // 2
        edges.append((max(0, first), min(room, first + cut)))
    (top, bottom), (start, end) = edges
    return top, start, bottom - top, end - start


def _between(bounds: tuple[float, float], draw: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * draw


def _log_between(bounds: tuple[float, float], draw: float) -> float:
    return math.exp(_between((math.log(bounds[0]), math.log(bounds[1])), draw))


def _place(room: int, draw: float) -> int:
    """0 ... room, each as likely."""
    return int((room + 1) * draw)
