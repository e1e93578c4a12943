"""Losses between logits and classes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Interval, MinLen
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.class_weights import NO_CLASS, class_weights_of, total_weight
from zoo.losses.shapes import check_same_shape, single
from zoo.losses.vocabulary import gains, mean_cross_entropy


class CrossEntropy(nn.Module):
    """Negative log likelihood of the class under softmax(logits): -log p[y], a mean over the examples.

    With smoothing ε the target is (1 - ε) one-hot + ε / C (Szegedy et al. 2016, section 7). With class
    weights w the mean is Σ w[y] l / Σ w[y], as torch's; `count` gives the denominator, so that sums over
    batches can be exact. When no example counts (all ignored), the loss is zero. An example may have shares of classes,
    as mixup makes them: each class then counts by its share.

    Args:
        num_classes: number of classes C, to check the class weights against.
        label_smoothing: ε.
        class_weights: w, one a class.
        ignore_index: a class whose examples do not count, such as padding; None ignores nothing.
        reduction: of the weighted losses w[y] l of a batch: "mean", divided by their weights; "examples",
            divided by their number, so that a batch of heavy classes weighs more; or "sum", whose gradient
            grows with the batch, and whose value in the logs is the mean over batches.

    Raises:
        ValueError: not one weight a class, or every weight zero.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "seq2seq")
    target: ClassVar[str] = "class"
    #: Whether an example may have shares of classes.
    takes_shares: ClassVar[bool] = True

    def __init__(
        self,
        num_classes: int | None = None,
        label_smoothing: Annotated[float, Interval(ge=0, le=1)] = 0.0,
        class_weights: Annotated[list[Annotated[float, Ge(0)]], MinLen(1)] | None = None,
        ignore_index: int | None = None,
        reduction: Literal["mean", "examples", "sum"] = "mean",
    ) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.weight: Tensor | None
        # Comes from the configuration, so it is not the checkpoint's to restore.
        self.register_buffer("weight", class_weights_of(class_weights, num_classes), persistent=False)

    def count(self, target: Tensor) -> Tensor:
        """What the sum of a batch is divided by, (): weights of the examples that are not ignored, their number, or 1.

        Args:
            target: classes, (B,) or any shape; or shares of classes, (B, C) floating.
        """
        if self.reduction == "sum":
            return torch.ones((), device=target.device)
        return total_weight(target, self.weight if self.reduction == "mean" else None, self.ignore_index)

    @property
    def _ignored(self) -> int:
        """The ignored class as torch wants it told."""
        return NO_CLASS if self.ignore_index is None else self.ignore_index

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: logits, (B, C) or (B, C, ...).
            target: classes, (B,) or (B, ...), int64; or shares of classes, (B, C) floating, which sum to 1.
        """
        if target.is_floating_point():
            return self._of_shares(single(prediction), target)
        if self.weight is None and self.reduction != "sum":
            if gains(prediction):
                return mean_cross_entropy(prediction, target, self.label_smoothing, self._ignored)
            if self.ignore_index is None:
                return functional.cross_entropy(single(prediction), target, label_smoothing=self.label_smoothing)
        total = functional.cross_entropy(
            single(prediction),
            target,
            weight=self.weight,
            ignore_index=self._ignored,
            label_smoothing=self.label_smoothing,
            reduction="sum",
        )
        count = self.count(target)
        return total / count.where(count > 0, 1)

    def _of_shares(self, prediction: Tensor, target: Tensor) -> Tensor:
        total = functional.cross_entropy(
            prediction, target, weight=self.weight, label_smoothing=self.label_smoothing, reduction="sum"
        )
        return total / self.count(target)


class BCE(nn.Module):
    """Binary cross-entropy on logits: -(w y log σ(z) + (1 - y) log(1 - σ(z))).

    A mean over examples and labels; the negative log likelihood of Cox (1958), logistic regression.

    Args:
        pos_weight: w, how much a positive counts against a negative: one number, or one a label.
    """

    problems: ClassVar[tuple[str, ...]] = ("binary", "multilabel")
    target: ClassVar[str] = "indicator"
    takes_shares: ClassVar[bool] = True

    def __init__(
        self,
        pos_weight: Annotated[float, Gt(0)] | Annotated[list[Annotated[float, Gt(0)]], MinLen(1)] | None = None,
    ) -> None:
        super().__init__()
        self.pos_weight: Tensor | None
        weight = None if pos_weight is None else torch.tensor(pos_weight, dtype=torch.float32)
        self.register_buffer("pos_weight", weight, persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, ().

        Args:
            prediction: logits, (B, K).
            target: 0 or 1, or a probability, (B, K), float.

        Raises:
            ValueError: the shapes differ, or there is not one `pos_weight` a label.
        """
        check_same_shape(prediction, target)
        if self.pos_weight is not None and self.pos_weight.numel() not in (1, prediction.shape[-1]):
            raise ValueError(
                f"pos_weight: {self.pos_weight.numel()} weights for {prediction.shape[-1]} labels; "
                "give one number, or one a label"
            )
        return functional.binary_cross_entropy_with_logits(prediction, target, pos_weight=self.pos_weight)
