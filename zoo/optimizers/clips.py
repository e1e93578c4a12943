"""Gradient clipping as a run does it before each step: `optimizer.clip=NAME`, or with options."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from zoo.errors import ConfigError
from zoo.optimizers.clipping import clip_adaptively, clip_by_norm, clip_by_value

Named = Sequence[tuple[str, Tensor]]
Positive = Annotated[float, Gt(0)]


class Value:
    """Each entry of each gradient to between -limit and limit; Mikolov (2012).

    Args:
        limit: largest absolute value that is left alone.
    """

    def __init__(self, limit: Positive = 1.0) -> None:
        self.limit = limit

    def __call__(self, named: Named) -> None:
        """Clip the gradients of parameters, given with their names."""
        clip_by_value([one for _, one in named], self.limit)


class Norm:
    """All gradients together to a p-norm of `limit`; Pascanu et al. (2013), algorithm 1.

    Args:
        limit: largest norm that is left alone.
        p: of the norm; infinity is the largest entry.
    """

    def __init__(self, limit: Positive = 1.0, p: Positive = 2.0) -> None:
        self.limit, self.p = limit, p

    def __call__(self, named: Named) -> None:
        """Clip the gradients of parameters, given with their names."""
        clip_by_norm([one for _, one in named], self.limit, self.p)


class Adaptive:
    """Adaptive gradient clipping, of each unit in relation to its weights; Brock et al. (2021), equation 3.

    Args:
        limit: λ, largest norm of a gradient as a share of that of the weights.
        eps: ε, the least norm that weights are taken to have.
        spare: names of parameters that are left alone, as shell patterns; the paper's choice is the last layer.
    """

    def __init__(self, limit: Positive = 0.01, eps: Positive = 1e-3, spare: tuple[str, ...] = ("head.*",)) -> None:
        self.limit, self.eps, self.spare = limit, eps, tuple(spare)

    def __call__(self, named: Named) -> None:
        """Clip the gradients of parameters, given with their names.

        Raises:
            ConfigError: every one of them is spared.
        """
        clipped = [one for name, one in named if not any(fnmatchcase(name, pattern) for pattern in self.spare)]
        if named and not clipped:
            raise ConfigError("optimizer.clip.spare", "spares every parameter of the model", "spare fewer, or none: []")
        clip_adaptively(clipped, self.limit, self.eps)
