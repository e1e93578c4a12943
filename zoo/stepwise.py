"""Forward stepwise selection: which features a linear regression should have, one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

#: A column is taken for a combination of others when so little of its length is left.
_LEFT = 1e-10


@dataclass(frozen=True)
class Selection:
    """The features of a forward selection, in the order they were chosen.

    Attributes:
        features: their columns.
        errors: residual sum of squares with none of them, with the first, with the first two, ...
        examples: n.
    """

    features: list[int]
    errors: list[float]
    examples: int

    @property
    def bic(self) -> list[float]:
        """n log(RSS/n) + k log n for k = 0, 1, ... features; Schwarz (1978), of Gaussian errors, up to a constant."""
        n = self.examples
        floor = 1e-300
        return [n * math.log(max(one, floor) / n) + k * math.log(n) for k, one in enumerate(self.errors)]

    @property
    def best(self) -> list[int]:
        """The features whose number has the least BIC, sorted."""
        scores = self.bic
        return sorted(self.features[: min(range(len(scores)), key=scores.__getitem__)])


def forward_stepwise(inputs: Tensor, target: Tensor, limit: int | None = None) -> Selection:
    """Add, one at a time, the feature that leaves the least squared error beside those that are there already.

    Hastie et al. (2009), section 3.3.2, of linear regressions with an intercept. What is left of every column is kept
    at right angles to those chosen, so that no regression is fitted anew.

    Args:
        inputs: (n, F).
        target: (n,), or several targets (n, T), whose errors are added.
        limit: how many features at most; None is as many as help.

    Returns:
        The order, and the errors. Features that are combinations of chosen ones are never chosen.

    Raises:
        ValueError: the numbers of examples differ, or the limit is none.
    """
    if len(inputs) != len(target):
        raise ValueError(f"{len(inputs)} examples and {len(target)} targets")
    if limit is not None and limit < 1:
        raise ValueError(f"limit: {limit} features; give 1 or more")
    columns, left = inputs.double(), target.double().reshape(len(target), -1)
    columns, left = columns - columns.mean(0), left - left.mean(0)
    lengths = columns.square().sum(0)
    features: list[int] = []
    errors = [float(left.square().sum())]
    for _ in range(min(inputs.shape[1], inputs.shape[1] if limit is None else limit)):
        squares = columns.square().sum(0)
        open_ = squares > _LEFT * lengths
        if features:
            open_[features] = False
        if not open_.any():
            break
        gains = (columns.T @ left).square().sum(1) / squares.where(open_, 1)
        chosen = int(gains.where(open_, -1).argmax())
        unit = columns[:, chosen] / squares[chosen].sqrt()
        left = left - torch.outer(unit, unit @ left)
        columns = columns - torch.outer(unit, unit @ columns)
        features.append(chosen)
        errors.append(float(left.square().sum()))
    return Selection(features, errors, len(inputs))
