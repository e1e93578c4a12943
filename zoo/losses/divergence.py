"""How far a predicted distribution is from the true one."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Interval
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.shapes import single


class KLDivergence(nn.Module):
    """KL(q ‖ p) = Σ q log(q / p) of p = softmax(logits), in nats, a mean over the examples (Kullback & Leibler 1951).

    q is a distribution over the classes, as of a teacher or of several annotators; or a class y, of which with
    smoothing ε it is (1 - ε) one-hot + ε / C. It is the cross-entropy less the entropy of q: the gradient is the
    same, and zero is reached.

    Args:
        label_smoothing: ε, of targets that are classes; distributions are taken as they are.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "seq2seq")
    target: ClassVar[str] = "class"

    def __init__(self, label_smoothing: Annotated[float, Interval(ge=0, le=1)] = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: logits, (B, C).
            target: classes, (B,), int64; or distributions, (B, C), float, each summing to one.

        Raises:
            ValueError: the target is neither.
        """
        logits = single(prediction)
        if target.is_floating_point():
            if target.shape != logits.shape:
                raise ValueError(
                    f"predictions are {tuple(logits.shape)} and distributions {tuple(target.shape)}; give one "
                    "probability a class"
                )
            q = target.to(logits.dtype)
        else:
            q = functional.one_hot(target, logits.shape[1]).to(logits.dtype)
            q = (1 - self.label_smoothing) * q + self.label_smoothing / logits.shape[1]
        return functional.kl_div(logits.log_softmax(dim=1), q, reduction="batchmean")
