"""Which type a recurrence computes in."""

from __future__ import annotations

import torch
from torch import Tensor


def product_type(tensor: Tensor) -> torch.dtype:
    """The type of a product with this tensor: that of autocast for float32 where autocast is on, else its own."""
    device = tensor.device.type
    if tensor.dtype == torch.float32 and torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return tensor.dtype


def state_type(dtype: torch.dtype) -> torch.dtype:
    """The type of states and of the arithmetic on gates: float32 at least."""
    return torch.promote_types(dtype, torch.float32)


def in_type(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor itself if it is of this type, else room for it."""
    return tensor if tensor.dtype == dtype else torch.empty_like(tensor, dtype=dtype)
