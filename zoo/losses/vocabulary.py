"""Cross-entropy over as many classes as a vocabulary has, computed in the processor's cache."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Logits that are worked on at once: of 4 bytes each, they stay in the second-level cache of today's processors.
_AT_ONCE = 1 << 17


def mean_cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float, ignore_index: int) -> Tensor:
    """What `torch.nn.functional.cross_entropy` says, and zero if every target is ignored.

    A few rows of logits at a time are read once, and leave their loss and its gradient: nothing as large as the logits
    is written but the gradient itself. Bfloat16 and float16 are computed in float32. There is no second derivative.

    Args:
        logits: (M, V), that want a gradient.
        target: classes, (M,) int64.
        label_smoothing: ε, of a target (1 - ε) one-hot + ε / V.
        ignore_index: the target of rows that do not count.

    Returns:
        -Σ_m log p_m[y_m], smoothed, over the number of rows that count; () in float32 or float64.
    """
    return cast(Tensor, _MeanCrossEntropy.apply(logits, target, label_smoothing, ignore_index))


class _MeanCrossEntropy(torch.autograd.Function):
    """The loss, and with it at once its gradient (p - smoothed target) / count."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, label_smoothing: float, ignore_index: int) -> Tensor:
        kept = target != ignore_index
        count = kept.sum().clamp_(min=1)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        share = (kept / count).to(dtype).unsqueeze(1)
        right = target.where(kept, 0).unsqueeze(1)
        losses, gradient = share.new_empty(len(logits)), torch.empty_like(logits)
        rows = max(1, _AT_ONCE // logits.shape[1])
        parts = zip(*(whole.split(rows) for whole in (logits, right, share, losses, gradient)), strict=True)
        for logit, y, weight, loss, part in parts:
            found = part if part.dtype == dtype else None
            loss.copy_(_loss(logit.to(dtype), y, label_smoothing, found))
        ctx.save_for_backward(gradient)
        return losses[kept].sum() / count
