"""A loss for any number of labels an example."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, MinLen
from torch import Tensor, nn
from torch.nn import functional

from zoo.losses.shapes import check_same_shape, single

Weights = Annotated[list[Annotated[float, Ge(0)]], MinLen(1)]


class MultilabelBCE(nn.Module):
    """Binary cross-entropy of every label, Σ_k v_k l_k / Σ_k v_k, a mean over the examples; Nam et al. (2014).

    l = -(w y log σ(z) + (1 - y) log(1 - σ(z))), as `bce`.

    Args:
        pos_weight: w, how much a label that is present counts against one that is not: one number, or one a label.
        label_weights: v, how much each label counts; None: all the same.

    Raises:
        ValueError: every label weighs zero.
    """

    problems: ClassVar[tuple[str, ...]] = ("multilabel",)
    target: ClassVar[str] = "indicator"

    def __init__(
        self,
        pos_weight: Annotated[float, Gt(0)] | Annotated[list[Annotated[float, Gt(0)]], MinLen(1)] | None = None,
        label_weights: Weights | None = None,
    ) -> None:
        super().__init__()
        if label_weights is not None and not any(label_weights):
            raise ValueError("label_weights: all are zero, so there is nothing to learn; give some label a weight")
        self.pos_weight: Tensor | None
        self.label_weights: Tensor | None
        for name, given in (("pos_weight", pos_weight), ("label_weights", label_weights)):
            # Comes from the configuration, so it is not the checkpoint's to restore.
            value = None if given is None else torch.tensor(given, dtype=torch.float32)
            self.register_buffer(name, value, persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss, (), in float32 at least.

        Args:
            prediction: logits z, (B, K).
            target: 0 or 1, or a probability, (B, K), float.

        Raises:
            ValueError: the shapes differ, or there is not one weight a label.
        """
        check_same_shape(prediction, target)
        labels = prediction.shape[-1]
        for name, weights in (("pos_weight", self.pos_weight), ("label_weights", self.label_weights)):
            if weights is not None and weights.dim() and len(weights) != labels:
                raise ValueError(f"{name}: {len(weights)} weights for {labels} labels; give one a label")
        logits, y = single(prediction), single(target)
        if self.label_weights is None:
            return functional.binary_cross_entropy_with_logits(logits, y, pos_weight=self.pos_weight)
        losses = functional.binary_cross_entropy_with_logits(logits, y, pos_weight=self.pos_weight, reduction="none")
        return (losses * self.label_weights / self.label_weights.sum()).sum(dim=-1).mean()
