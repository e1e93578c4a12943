"""Penalties on all weights alike: of their squares, their absolute values, any power of them, or a norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge, Interval
from torch import Tensor

from zoo.penalties.penalty import Patterns, Penalty, Weight, single, soften, total


class L2(Penalty):
    """λ/2 Σ w², ridge or Tikhonov; Hoerl & Kennard (1970), equation 2.1. Its gradient is λ w, as of coupled decay.

    scikit-learn's Ridge minimises Σ e² + α Σ w², that is, over n examples, λ = 2α/n with the loss `mse`, and λ = α/n
    with `squared half=true`. LogisticRegression minimises C Σ loss + ½ Σ w²: λ = 1/(C n) with `bce` or `cross_entropy`.

    Args:
        weight: λ.
        decoupled: w ← (1 - η λ) w after each step, η its learning rate, in place of a gradient that the optimizer may
            rescale: Loshchilov & Hutter (2019), algorithm 2. As `optimizer.weight_decay` of `adamw`.
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters are penalised too.
    """

    def __init__(
        self, weight: Weight = 1e-4, decoupled: bool = False, match: Patterns = ("*",), biases: bool = False
    ) -> None:
        super().__init__(match, biases)
        self.weight = weight
        if decoupled:
            self.action, self.adds = "decay", False

    def value(self, weights: Sequence[Tensor]) -> Tensor:
        """λ/2 Σ w², ()."""
        return self.weight / 2 * total([single(one).square().sum() for one in weights])

    def act(self, weight: Tensor, rate: float) -> None:
        """w ← (1 - η λ) w."""
        weight.mul_(1 - rate * self.weight)


class ElasticNet(Penalty):
    """λ (ρ Σ |w| + (1 - ρ)/2 Σ w²); Zou & Hastie (2005), in the form of Friedman et al. (2010), section 2.

    scikit-learn's ElasticNet minimises 1/(2n) Σ e² + α (ρ Σ |w| + (1 - ρ)/2 Σ w²): λ = α with the loss
    `squared half=true`, λ = 2α with `mse`, and ρ is its `l1_ratio`.

    Args:
        weight: λ.
        l1_ratio: ρ.
        proximal: w ← S(w, η λ ρ) / (1 + η λ (1 - ρ)) after each step, S as for `l1`, in place of a gradient.
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters are penalised too.
    """

    remedy = "use optimizer=bgd or sgd, or leave out proximal"

    def __init__(
        self,
        weight: Weight = 1e-4,
        l1_ratio: Annotated[float, Interval(ge=0, le=1)] = 0.5,
        proximal: bool = False,
        match: Patterns = ("*",),
        biases: bool = False,
    ) -> None:
        super().__init__(match, biases)
        self.absolute, self.squared = weight * l1_ratio, weight * (1 - l1_ratio)
        if proximal:
            self.action, self.adds = "proximal", False

    def value(self, weights: Sequence[Tensor]) -> Tensor:
        """The penalty, ()."""
        wide = [single(one) for one in weights]
        return total([self.absolute * one.abs().sum() + self.squared / 2 * one.square().sum() for one in wide])

    def act(self, weight: Tensor, rate: float) -> None:
        """w ← S(w, η λ ρ) / (1 + η λ (1 - ρ))."""
        soften(weight, rate * self.absolute)
        weight.div_(1 + rate * self.squared)


class L1(ElasticNet):
    """λ Σ |w|, lasso; Tibshirani (1996), equation 1. Its gradient is λ sign(w), and zero at zero.

    A step along that gradient passes zero and never stays there. `proximal` does: w ← S(w, η λ) after each step,
    S(w, τ) = sign(w) max(|w| - τ, 0), the proximal gradient method (Parikh & Boyd 2014, sections 4.2 and 6.5). It
    goes with plain gradient descent: `sgd`, `momentum`, `nesterov`, `bgd`. With momentum μ, whose steps add up to
    η/(1 - μ), that takes the place of η.

    scikit-learn's Lasso minimises 1/(2n) Σ e² + α Σ |w|: λ = α with the loss `squared half=true`, λ = 2α with `mse`.
    Its LogisticRegression minimises C Σ loss + Σ |w|: λ = 1/(C n) with `bce` or `cross_entropy`.

    Args:
        weight: λ.
        proximal: shrinks after each step, in place of a gradient.
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters are penalised too.
    """

    def __init__(
        self, weight: Weight = 1e-4, proximal: bool = False, match: Patterns = ("*",), biases: bool = False
    ) -> None:
        super().__init__(weight, 1.0, proximal, match, biases)


class Lp(Penalty):
    """λ ‖w‖_p of all parameters as one vector, (Σ |w|ᵖ)^(1/p); or λ Σ |w|ᵖ, of bridge regression.

    The latter is Frank & Friedman's (1993). p = 1 is `l1` in both; p = 2 is twice `l2` in the latter. A
    norm's gradient is zero where every weight is zero.

    Args:
        p: any from 1 on; infinity is the largest weight.
        powered: Σ |w|ᵖ in place of the norm.
        weight: λ.
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters are penalised too.

    Raises:
        ValueError: a power of infinity.
    """

    def __init__(
        self,
        p: Annotated[float, Ge(1)] = 2.0,
        powered: bool = False,
        weight: Weight = 1e-4,
        match: Patterns = ("*",),
        biases: bool = False,
    ) -> None:
        super().__init__(match, biases)
        if powered and p == float("inf"):
            raise ValueError("powered: there is no power of infinity; leave it out")
        self.weight, self.p, self.powered = weight, p, powered

    def value(self, weights: Sequence[Tensor]) -> Tensor:
        """The penalty, ()."""
        if self.powered:
            return self.weight * total([single(one).abs().pow(self.p).sum() for one in weights])
        vector = torch.cat([single(one).flatten() for one in weights])
        norm: Tensor = torch.linalg.vector_norm(vector, self.p)
        return self.weight * norm


class Frobenius(Penalty):
    """λ Σ ‖W‖_F, the root of the sum of squares of each parameter by itself; half the square of it is `l2`.

    Its gradient λ W/‖W‖_F is as long for small matrices as for large, so that whole matrices go to zero; where one is
    zero, so is its gradient.

    Args:
        weight: λ.
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters are penalised too.
    """

    def __init__(self, weight: Weight = 1e-4, match: Patterns = ("*",), biases: bool = False) -> None:
        super().__init__(match, biases)
        self.weight = weight

    def value(self, weights: Sequence[Tensor]) -> Tensor:
        """λ Σ ‖W‖_F, ()."""
        return self.weight * total([torch.linalg.vector_norm(single(one)) for one in weights])
