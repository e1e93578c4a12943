"""The probability of the true class, and of all others, as logarithms."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def true_and_rest(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """log p and log(1 - p), where p is the probability of the true class under softmax(logits).

    1 - p is summed from the other classes as logarithms: taken from p, it rounds to zero for a confident
    prediction, and the derivative of a power of it is infinite there.

    Args:
        logits: (B, C).
        target: classes, (B,), int64.

    Returns:
        Both (B,).
    """
    total = logits.logsumexp(dim=1)
    index = target.unsqueeze(1)
    of_rest = logits.scatter(1, index, float("-inf")).logsumexp(dim=1)
    return logits.gather(1, index).squeeze(1) - total, of_rest - total


def true_and_rest_of_labels(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """log p and log(1 - p), where p is the probability σ(z) or 1 - σ(z) of what is true of each label.

    Args:
        logits: z, (B, K).
        target: 0 or 1, (B, K).

    Returns:
        Both (B, K).
    """
    signed = (2 * target - 1) * logits
    return functional.logsigmoid(signed), functional.logsigmoid(-signed)
