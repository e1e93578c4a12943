"""Where half precision is enough, and where not."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """The tensor in float32 if it is float16 or bfloat16; float32 and float64 as they are."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def in_autocast_type(tensor: Tensor) -> Tensor:
    """The tensor as a product under autocast would take it: cast once here, and not in every step."""
    if tensor.dtype != torch.float32 or not _autocasts(tensor):
        return tensor
    return tensor.to(torch.get_autocast_dtype(tensor.device.type))


def product(matrix: Tensor, vector: Tensor) -> Tensor:
    """Their product in their own type, also under autocast, which would copy the matrix, (..., H) and (H,) to (...)."""
    with own_type(matrix):
        return matrix @ vector


def own_type(tensor: Tensor) -> AbstractContextManager[Any]:
    """Inside, products with this tensor are computed in its own type, also under autocast."""
    return torch.autocast(tensor.device.type, enabled=False) if _autocasts(tensor) else nullcontext()


def _autocasts(tensor: Tensor) -> bool:
    device = tensor.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
