"""Penalties on weights that belong together: those from one input, or to one output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from zoo.penalties.penalty import Patterns, Penalty, Weight, single, total

Together = Literal["inputs", "outputs", "parameters"]


def group_norms(weight: Tensor, by: Together) -> Tensor:
    """The 2-norm of each group of a parameter, with ones for the dimensions it is over.

    Args:
        weight: (N, C, ...), to N outputs from C inputs; a vector is one group.
        by: `inputs`: (1, C, 1, ...), of what comes from each input, a column of a matrix. `outputs`: (N, 1, ...), a
            row, or a filter of a convolution. `parameters`: (1, 1, ...), all of it.
    """
    kept = {"inputs": 1, "outputs": 0, "parameters": -1}[by] if weight.ndim > 1 else -1
    over = tuple(dimension for dimension in range(weight.ndim) if dimension != kept)
    norms: Tensor = torch.linalg.vector_norm(single(weight), dim=over, keepdim=True)
    return norms


class GroupLasso(Penalty):
    """λ Σ_g √|g| ‖w_g‖₂ over groups g of weights, which are zero together; Yuan & Lin (2006), equation 2.1.

    By inputs it selects features. scikit-learn's MultiTaskLasso minimises 1/(2n) Σ e² + α Σ_g ‖w_g‖ over n examples
    with T targets: by inputs with `scaled=false`, λ = α/T with the loss `squared half=true`, a mean over targets too.

    Args:
        weight: λ.
        by: what makes a group: the weights from one input, those to one output, or all of a parameter. A vector is one
            group.
        scaled: whether a group counts by √|g|, |g| its number of weights.
        proximal: w_g ← max(0, 1 - η λ √|g|/‖w_g‖) w_g after each step (Parikh & Boyd 2014, section 6.5), in place
            of a gradient, so that groups become zero; with plain gradient descent, as for `l1`.
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters are penalised too.
    """

    remedy = "use optimizer=bgd or sgd, or leave out proximal"

    def __init__(
        self,
        weight: Weight = 1e-4,
        by: Together = "inputs",
        scaled: bool = True,
        proximal: bool = False,
        match: Patterns = ("*",),
        biases: bool = False,
    ) -> None:
        super().__init__(match, biases)
        self.weight, self.by, self.scaled = weight, by, scaled
        if proximal:
            self.action, self.adds = "proximal", False

    def _share(self, weight: Tensor, norms: Tensor) -> float:
        """λ √|g| of the groups of a parameter."""
        size = weight.numel() / max(1, norms.numel())
        return self.weight * (size**0.5 if self.scaled else 1.0)

    def value(self, weights: Sequence[Tensor]) -> Tensor:
        """λ Σ_g √|g| ‖w_g‖₂, ()."""
        found = []
        for one in weights:
            norms = group_norms(one, self.by)
            found.append(self._share(one, norms) * norms.sum())
        return total(found)

    def act(self, weight: Tensor, rate: float) -> None:
        """w_g ← max(0, 1 - η λ √|g|/‖w_g‖) w_g."""
        norms = group_norms(weight, self.by)
        kept = 1 - rate * self._share(weight, norms) / norms.where(norms > 0, 1)
        weight.mul_(kept.clamp_(min=0))


class MaxNorm(Penalty):
    """‖w_g‖₂ ≤ c for each group g: after each step, what is longer is scaled to c; Srivastava et al. (2014), 5.1.

    A bound and no term of the loss. By outputs, it is on what comes into each unit, as theirs is.

    Args:
        limit: c; theirs was 3 to 4.
        by: what makes a group: the weights from one input, those to one output, or all of a parameter. A vector is one
            group.
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters are bounded too.
    """

    action = "projection"
    adds = False

    def __init__(
        self,
        limit: Annotated[float, Gt(0)] = 3.0,
        by: Together = "outputs",
        match: Patterns = ("*",),
        biases: bool = False,
    ) -> None:
        super().__init__(match, biases)
        self.limit, self.by = limit, by

    def act(self, weight: Tensor, rate: float) -> None:
        """w_g ← w_g min(1, c/‖w_g‖)."""
        norms = group_norms(weight, self.by)
        weight.mul_((self.limit / norms.where(norms > 0, 1)).clamp_(max=1).where(norms > 0, 1))
