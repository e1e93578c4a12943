"""Dropout whose masks are made of random bytes, and dropout with one mask for all steps of a sequence."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn


class Dropout(nn.Module):
    """Sets a share of the elements to zero in training, and scales the others so that the expectation stays.

    Srivastava et al. (2014). With `variational`, one mask for all steps of a sequence; Gal & Ghahramani (2016).

    Each element takes one random byte, eight of which come from one 64-bit number of torch's generator. So the share
    is p rounded to 1/256, which the scale takes into account; shares that would round to 0 or 1 are drawn as torch
    draws them.

    Args:
        p: share.
        variational: one mask a sequence.

    Raises:
        ValueError: a `p` outside [0, 1].
    """

    def __init__(self, p: Annotated[float, Interval(ge=0, le=1)] = 0.5, variational: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p: {p} is not a share; give a number from 0 to 1")
        self.p = p
        self.variational = variational

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T, H) -> (B, T, H); any shape if not variational."""
        factor = self.factor(inputs, time=1 if self.variational else None)
        return inputs if factor is None else inputs * factor

    def factor(self, like: Tensor, *, time: int | None = None) -> Tensor | None:
        """What a tensor is multiplied with: zeros and 1 / (1 - p), in its type.

        Args:
            like: the tensor.
            time: the axis along which the mask is the same; None for none.

        Returns:
            Of the tensor's shape, with 1 along `time`; None if nothing is dropped: p is 0, or outside training.
        """
        if not self.training or self.p == 0:
            return None
        shape = list(like.shape)
        if time is not None:
            shape[time] = 1
        return keep_factor(shape, self.p, like)

    def extra_repr(self) -> str:
        """For `print(model)`."""
        return f"p={self.p}, variational={self.variational}"


def keep_factor(shape: list[int], p: float, like: Tensor) -> Tensor:
    """1 / (1 - p) with probability 1 - p, else zero; p rounded to 1/256.

    Args:
        shape: of the result.
        p: share of zeros.
        like: gives type and device.
    """
    factor = like.new_empty(shape)
    dropped = round(p * 256)
    if p == 1:
        return factor.zero_()
    if dropped in (0, 256):
        return factor.bernoulli_(1 - p).div_(1 - p)
    count = factor.numel()
    # From the smallest of 64 bits on: without a start, `random_` leaves out negative numbers, and so one bit of every
    # eighth byte.
    words = torch.empty((count + 7) // 8, dtype=torch.int64, device=like.device).random_(-(2**63), None)
    torch.ge(words.view(torch.uint8)[:count].view(shape), dropped, out=factor)
    return factor.mul_(256 / (256 - dropped))
