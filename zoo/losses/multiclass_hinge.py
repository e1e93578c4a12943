"""The hinge loss of several classes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Gt
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.shapes import check_one_logit_a_class, single


class MulticlassHinge(nn.Module):
    """How far the score of the true class is from being m above the others; a mean over the examples.

    `crammer_singer` looks at the best of the others, max(0, m - f[y] + max f[k]) over k ≠ y: Crammer & Singer (2001).
    `weston_watkins` sums over all of them, Σ max(0, m - f[y] + f[k]): Weston & Watkins (1999); torch's
    `multi_margin_loss` times C. The scores are no logits: the probabilities a task reports with them rank the
    classes, and say little else.

    Args:
        variant: what is made of the other classes.
        margin: m, from which on an example costs nothing.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    target: ClassVar[str] = "class"

    def __init__(
        self,
        variant: Literal["crammer_singer", "weston_watkins"] = "crammer_singer",
        margin: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        super().__init__()
        self.variant = variant
        self.margin = margin

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: scores f, (B, C), C at least 2.
            target: classes, (B,), int64.

        Raises:
            ValueError: there is a single score.
        """
        check_one_logit_a_class(prediction)
        scores = single(prediction)
        if self.variant == "weston_watkins":
            return functional.multi_margin_loss(scores, target, margin=self.margin) * scores.shape[1]
        index = target.unsqueeze(1)
        best_other = scores.scatter(1, index, float("-inf")).amax(dim=1)
        return (self.margin - scores.gather(1, index).squeeze(1) + best_other).relu().mean()
