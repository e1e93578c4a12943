"""Dropout whose masks come from random bytes, and dropout with one mask for all time steps."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout; Srivastava et al. (2014). With `variational`, Gal & Ghahramani (2016): one mask for all steps of a sequence.

    Args:
        p: share of elements set to zero in training.
        variational: one mask a sequence, the same at every time step.
    """

    def __init__(self, p: Annotated[float, Interval(ge=0, le=1)] = 0.5, variational: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p: {p} is no share; give a number from 0 to 1")
        self.p = p
        self.variational = variational

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T, H) -> (B, T, H); without `variational`, any shape."""
        factor = self.factor(inputs, time=1 if self.variational else None)
        return inputs if factor is None else inputs * factor

    def factor(self, like: Tensor, *, time: int | None = None) -> Tensor | None:
        """What to multiply by, zero or 1 / (1 - p); None if there is nothing to drop. `time` is an axis of one mask."""
        if not self.training or self.p == 0:
            return None
        shape = list(like.shape)
        if time is not None:
            shape[time] = 1
        return nn.functional.dropout(torch.ones(shape, dtype=like.dtype, device=like.device), self.p)
