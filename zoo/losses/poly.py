"""Cross-entropy with other coefficients of its polynomial."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import MinLen
from torch import Tensor, nn

from zoo.losses.log_probabilities import true_and_rest
from zoo.losses.shapes import check_one_logit_a_class, single


class Poly(nn.Module):
    """-log p + Σ ε_j (1 - p)^j, p of the true class; a mean over the examples: Leng et al. (2022), PolyLoss.

    Cross-entropy is Σ (1 - p)^j / j, summed over all j from 1 on; its first N coefficients become 1 / j + ε_j. One
    number is the paper's Poly-1, which it recommends; 0 is cross-entropy.

    Args:
        epsilon: ε_1, or the list of ε_1 ... ε_N, to be tuned: the paper gains with a positive one where a model is
            not confident enough (ImageNet), and with -1 where it is too confident (detection on COCO).

    Raises:
        ValueError: some ε_j is less than -1 / j, so that its coefficient would be negative.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "seq2seq")
    target: ClassVar[str] = "class"

    def __init__(self, epsilon: float | Annotated[list[float], MinLen(1)] = 1.0) -> None:
        super().__init__()
        self.epsilon = list(epsilon) if isinstance(epsilon, list | tuple) else [epsilon]
        for j, one in enumerate(self.epsilon, start=1):
            if not one >= -1 / j:
                raise ValueError(f"epsilon: {one:g} makes the coefficient of (1 - p)^{j} negative; give {-1 / j:.4g}+")

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: logits, (B, C), C at least 2.
            target: classes, (B,), int64.

        Raises:
            ValueError: there is a single logit.
        """
        check_one_logit_a_class(prediction)
        log_p, log_rest = true_and_rest(single(prediction), target)
        losses = -log_p
        for j, one in enumerate(self.epsilon, start=1):
            losses = losses + one * (j * log_rest).exp()
        return losses.mean()
