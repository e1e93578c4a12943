"""The linear model."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from zoo.models.initialisation import Initialisation, initialise


class Linear(nn.Module):
    """y = W x + b.

    Linear regression with the loss `mse`, logistic with `bce`, softmax regression with `cross_entropy`.

    Args:
        in_features: number of features F.
        out_features: number of outputs C, one a target or a logit.
        bias: whether there is a b.
        init: how W starts; `zeros` is the customary start of logistic regression. b is zero with all but
            `default`, which is torch's.
    """

    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        out_features: Annotated[int, Ge(1)],
        bias: bool = True,
        init: Initialisation = "default",
    ) -> None:
        super().__init__()
        self.head = nn.Linear(in_features, out_features, bias)
        initialise(self.head, init)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, C)."""
        outputs: Tensor = self.head(inputs)
        return outputs
