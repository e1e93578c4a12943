"""What a loss checks and brings into form before it computes."""

from __future__ import annotations

import torch
from torch import Tensor


def check_same_shape(prediction: Tensor, target: Tensor) -> None:
    """Refuses the pairs that broadcasting would silently turn into every prediction against every target.

    Raises:
        ValueError: the shapes differ.
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"predictions are {tuple(prediction.shape)} and targets {tuple(target.shape)}; "
            "this loss compares them element by element"
        )


def check_one_logit_a_class(prediction: Tensor) -> None:
    """Refuses a single column of logits, of which a softmax is always one.

    Raises:
        ValueError: there are fewer than two columns.
    """
    if prediction.dim() < 2 or prediction.shape[1] < 2:
        raise ValueError(f"predictions are {tuple(prediction.shape)}; this loss needs one logit a class, (B, C)")


def single(values: Tensor) -> Tensor:
    """The values in float32 at least: half precision has too few digits for sums of losses."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def mean_where(losses: Tensor, counts: Tensor) -> Tensor:
    """The mean of those losses that count, (); zero with a zero gradient where none does.

    Args:
        losses: finite everywhere, any shape.
        counts: bool, the same shape.
    """
    return losses.where(counts, 0).sum() / counts.sum().clamp(min=1)
