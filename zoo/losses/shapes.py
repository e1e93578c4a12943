"""What a loss checks before it computes."""

from __future__ import annotations

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
