"""The linear model."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from zoo.models.initialisation import Initialisation, initialise


class Linear(nn.Module):
    """y = W φ(x) + b, φ(x) = x or all monomials of the features up to a degree.

    Linear regression with the loss `mse`, logistic with `bce`, softmax regression with `cross_entropy`; polynomial
    ones with `degree`. With `penalty=l2`, `l1` or `elastic_net`, ridge, lasso and elastic net.

    Args:
        in_features: number of features F.
        out_features: number of outputs C, one a target or a logit.
        bias: whether there is a b.
        init: how W starts; `zeros` is the customary start of logistic regression. b is zero with all but
            `default`, which is torch's.
        degree: of the monomials, which are those of scikit-learn's PolynomialFeatures in its order, without 1.
        interactions: whether there are products of different features, or powers x, x², ... alone.
    """

    monomials: Tensor

    def __init__(
        self,
        in_features: Annotated[int, Ge(1)],
        out_features: Annotated[int, Ge(1)],
        bias: bool = True,
        init: Initialisation = "default",
        degree: Annotated[int, Ge(1)] = 1,
        interactions: bool = True,
    ) -> None:
        super().__init__()
        factors = monomials(in_features, degree, interactions)
        self.degree = degree
        if degree > 1:
            self.register_buffer("monomials", torch.tensor(factors), persistent=False)
        self.head = nn.Linear(len(factors), out_features, bias)
        initialise(self.head, init)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, C)."""
        outputs: Tensor = self.head(self.features(inputs))
        return outputs

    def features(self, inputs: Tensor) -> Tensor:
        """φ(x): (B, F) -> (B, M)."""
        if self.degree == 1:
            return inputs
        with_one = torch.cat([inputs, torch.ones_like(inputs[:, :1])], dim=1)
        return with_one[:, self.monomials].prod(dim=-1)


def monomials(features: int, degree: int, interactions: bool = True) -> list[list[int]]:
    """Which features each monomial multiplies, `degree` of them, with the number of features itself standing for 1.

    Args:
        features: F.
        degree: the largest.
        interactions: whether different features are multiplied.

    Returns:
        One list a monomial, (M, degree), by degree and then as counted: x₀, x₁, ..., x₀x₀, x₀x₁, ...
    """
    found: list[list[int]] = []
    for size in range(1, degree + 1):
        of_size = combinations_with_replacement(range(features), size)
        found += [[*one] + [features] * (degree - size) for one in of_size if interactions or len({*one}) == 1]
    return found
