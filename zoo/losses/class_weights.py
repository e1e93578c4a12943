"""Classes that weigh differently, and classes that do not count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: What torch takes for "no class is ignored": no class has this index.
NO_CLASS = -100


def class_weights_of(weights: Sequence[float] | None, num_classes: int | None) -> Tensor | None:
    """The weights as a tensor, (C,), float32.

    Raises:
        ValueError: not one weight a class, or every weight zero.
    """
    if weights is None:
        return None
    if num_classes is not None and len(weights) != num_classes:
        raise ValueError(f"class_weights: {len(weights)} weights for {num_classes} classes; give one a class")
    if not any(weights):
        raise ValueError("class_weights: all are zero, so there is nothing to learn; give some class a weight")
    return torch.tensor(weights, dtype=torch.float32)


def total_weight(target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Tensor:
    """Σ w[y] over the examples that are not ignored, (): their number without weights.

    Args:
        target: classes y, any shape, int64; or their shares t, (B, C) floating, which give Σ w[c] t[c].
        weight: w, (C,).
        ignore_index: the class whose examples do not count.
    """
    if target.is_floating_point():
        return target.sum() if weight is None else (target @ weight.to(target.dtype)).sum()
    kept = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    if weight is None:
        return kept.sum()
    return (weight[target.where(kept, 0)] * kept).sum()
