"""Negative log likelihood of a class."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, MinLen
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.class_weights import NO_CLASS, class_weights_of, total_weight
from zoo.losses.shapes import single


class NLL(nn.Module):
    """-log p[y], a mean over the examples, for models that predict log p, or logits; Bridle (1990).

    With class weights w the mean is Σ w[y] l / Σ w[y], as torch's; `count` gives the denominator.

    Args:
        num_classes: number of classes C, to check the class weights against.
        predictions: what the model predicts. "logits" are normalised by a log-softmax, which leaves
            log-probabilities as they are; "log_probabilities" are taken as they come, and have to sum to one, or
            the loss falls for ever.
        class_weights: w, one a class.
        ignore_index: a class whose examples do not count; None ignores nothing.

    Raises:
        ValueError: not one weight a class, or every weight zero.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "seq2seq")
    target: ClassVar[str] = "class"

    def __init__(
        self,
        num_classes: int | None = None,
        predictions: Literal["logits", "log_probabilities"] = "logits",
        class_weights: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)] | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__()
        self.predictions = predictions
        self.ignore_index = ignore_index
        self.weight: Tensor | None
        # Comes from the configuration, so it is not the checkpoint's to restore.
        self.register_buffer("weight", class_weights_of(class_weights, num_classes), persistent=False)

    def count(self, target: Tensor) -> Tensor:
        """The weights of the examples that are not ignored, (), of classes (B,) or of any shape."""
        return total_weight(target, self.weight, self.ignore_index)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least; zero if every example is ignored.

        Args:
            prediction: (B, C) or (B, C, ...).
            target: classes, (B,) or (B, ...), int64.
        """
        log_p = single(prediction)
        if self.predictions == "logits":
            log_p = log_p.log_softmax(dim=1)
        ignored = NO_CLASS if self.ignore_index is None else self.ignore_index
        total = functional.nll_loss(log_p, target, weight=self.weight, ignore_index=ignored, reduction="sum")
        count = self.count(target)
        return total / count.where(count > 0, 1)
