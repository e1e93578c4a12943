"""Which of torch's kernels an optimizer runs: one tensor at a time, many together (foreach), or fused."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

OptimizerT = TypeVar("OptimizerT", bound=torch.optim.Optimizer)


def check_kernels(foreach: bool | None, fused: bool | None) -> None:
    """Refuse both at once.

    Raises:
        ValueError: both are asked for.
    """
    if foreach and fused:
        raise ValueError("fused: excludes foreach; set one of them")


def listed(params: ParamsT) -> ParamsT:
    """`params` with every generator made a list, so that it can be read twice."""
    return [{**entry, "params": list(entry["params"])} if isinstance(entry, dict) else entry for entry in params]  # type: ignore[return-value]


def tensors(params: ParamsT) -> list[Tensor]:
    """Every tensor of a listed `params`: tensors, (name, tensor) pairs or groups of either."""
    entries = [item for entry in params for item in (entry["params"] if isinstance(entry, dict) else [entry])]
    return [entry[1] if isinstance(entry, tuple) else entry for entry in entries]


def fused_kernel(params: ParamsT, foreach: bool | None, fused: bool | None) -> bool | None:
    """Whether to fuse, where the user chose nothing: yes on the CPU, else as torch does.

    On the CPU the fused kernels of SGD with momentum, Adagrad, Adam and AdamW take a tenth to a half of the time for
    layers 32 to 768 units wide, agree with the others to rounding, and repeat bit for bit. Many tensors together
    (foreach) is no faster there.
    """
    if fused is not None or foreach is not None:
        return fused
    on_cpu = all(tensor.device.type == "cpu" and tensor.is_floating_point() for tensor in tensors(params))
    return True if on_cpu else None


def clippable(optimizer: OptimizerT) -> OptimizerT:
    """Leaves the unscaling of mixed-precision gradients to the scaler, so that they can be clipped.

    torch's fused kernels offer to unscale inside the step, and Lightning then refuses gradient clipping under
    any mixed precision, bfloat16 included, where nothing is scaled.
    """
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
    return optimizer
