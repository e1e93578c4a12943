"""Cross-entropy over as many classes as a vocabulary has."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

#: Logits worked on at once. Few enough for the caches, and enough for two or three threads (measured at V = 2,000 to
#: 32,000 on a CPU with 1 MiB of second-level cache a core).
_AT_ONCE = 1 << 19
#: Logits from which torch's passes over all of them cost more than the calls here (measured likewise).
_GAINS_FROM = 1 << 20


def gains(logits: Tensor) -> bool:
    """Whether `mean_cross_entropy` is faster than torch's: for training, on a CPU, and more than caches hold."""
    return (
        logits.dim() == 2
        and logits.numel() >= _GAINS_FROM
        and logits.device.type == "cpu"
        and logits.dtype != torch.float16  # whose gradients need the scale that comes with backward
        and logits.requires_grad
        and torch.is_grad_enabled()
    )


def mean_cross_entropy(logits: Tensor, target: Tensor, label_smoothing: float, ignore_index: int) -> Tensor:
    """The value and the gradient of torch's `cross_entropy`; zero if every target is ignored.

    The softmax of a few rows at a time is made where their gradient will stand, and becomes it at once, so that
    nothing else as large as the logits is written or read. Half precision is computed in float32. A second derivative
    is refused.

    Args:
        logits: (M, V).
        target: classes, (M,) int64.
        label_smoothing: ε; the target is (1 - ε) one-hot + ε / V.
        ignore_index: the class of rows that do not count.

    Returns:
        The mean over the rows that count of -(1 - ε) log p[y] - ε / V Σ log p, () in float32, or float64 for such
        logits.
    """
    return cast(Tensor, _MeanCrossEntropy.apply(logits, target, label_smoothing, ignore_index))


class _MeanCrossEntropy(torch.autograd.Function):
    """Forward makes the gradient too, (p - smoothed target) / count."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, label_smoothing: float, ignore_index: int) -> Tensor:
        kept = target != ignore_index
        count = kept.sum().clamp_(min=1)
        share = (kept.to(torch.promote_types(logits.dtype, torch.float32)) / count).unsqueeze(1)
        classes = target.where(kept, 0).unsqueeze(1)
        likelihoods, gradient = torch.empty_like(share), torch.empty_like(logits)
        rows = max(1, _AT_ONCE // logits.shape[1])
        wholes = (logits, classes, share, likelihoods, gradient)
        for part, y, weight, likelihood, slot in zip(*(torch.split(whole, rows) for whole in wholes), strict=True):
            _likelihood_and_gradient(part, y, weight, label_smoothing, likelihood, slot)
        ctx.save_for_backward(gradient)
        return -likelihoods[kept].sum() / count

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "create_graph=True: the cross-entropy of a large batch has no second derivative; "
                "use torch.nn.functional.cross_entropy as the loss"
            )
        (gradient,) = ctx.saved_tensors
        return gradient if scale == 1 else gradient * scale.to(gradient.dtype), None, None, None


def _likelihood_and_gradient(
    logits: Tensor, classes: Tensor, weight: Tensor, label_smoothing: float, likelihood: Tensor, gradient: Tensor
) -> None:
    """Fills in the smoothed log-likelihood of each row, (R, 1), and the gradient of minus its weighted sum, (R, V).

    Args:
        logits: (R, V).
        classes: y, (R, 1).
        weight: of each row, (R, 1), in the type to compute in, as is `likelihood`.
    """
    exact = logits.to(weight.dtype)
    p = torch.softmax(exact, 1, out=gradient) if gradient.dtype == weight.dtype else torch.softmax(exact, 1)
    right = p.gather(1, classes)
    if right.min() > 1e8 * torch.finfo(p.dtype).tiny:
        torch.log(right, out=likelihood)
    else:  # a probability lost its digits to underflow, or all of it
        likelihood.copy_(exact.log_softmax(1).gather(1, classes))
    if label_smoothing:
        # The mean of log p[k] = log p[y] + z[k] - z[y] over all classes k.
        likelihood += label_smoothing * (exact.mean(1, keepdim=True) - exact.gather(1, classes))
        p.sub_(label_smoothing / p.shape[1])
    p.mul_(weight).scatter_add_(1, classes, (label_smoothing - 1) * weight)
    if p is not gradient:
        gradient.copy_(p)
