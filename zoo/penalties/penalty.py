"""What every penalty on weights has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, MinLen
from torch import Tensor

#: How much a penalty counts against the loss.
Weight = Annotated[float, Ge(0)]
#: Shell patterns of full parameter names, of which one has to match.
Patterns = Annotated[tuple[str, ...], MinLen(1)]
#: What a penalty does after an optimizer step: `proximal`, the minimiser of half the squared distance plus η times the
#: penalty, which is exact for plain gradient descent alone; `decay`, a share of η, with any optimizer; `projection`.
Action = Literal["none", "proximal", "decay", "projection"]


class Penalty:
    """Something of the weights that training makes small.

    What there is to learn the weights from goes through `value`, which is added to the loss of each training batch;
    or through `act`, which changes the weights after each step. Validation and test know nothing of either.

    Args:
        match: names of the parameters it is on.
        biases: whether biases and normalisation parameters among them are penalised too.
    """

    #: What `act` does, if anything.
    action: Action = "none"
    #: Whether `value` adds something.
    adds: bool = True
    #: Which other option a user may take where `act` does not go with the optimizer.
    remedy: ClassVar[str] = "choose another optimizer"

    def __init__(self, match: Sequence[str], biases: bool) -> None:
        self.match, self.biases = tuple(match), biases

    def value(self, weights: Sequence[Tensor]) -> Tensor:
        """The penalty of parameters of any shapes, ()."""
        raise TypeError("a penalty says how large it is")

    def act(self, weight: Tensor, rate: float) -> None:
        """Change one parameter in place, after a step of learning rate η = `rate`."""
        raise TypeError("a penalty that acts says what it does")


def total(parts: Sequence[Tensor]) -> Tensor:
    """The sum of numbers, ()."""
    return torch.stack(list(parts)).sum()


def single(weight: Tensor) -> Tensor:
    """A parameter in float32 at least."""
    return weight.to(torch.promote_types(weight.dtype, torch.float32))


def soften(weight: Tensor, threshold: float) -> None:
    """w ← sign(w) max(|w| - τ, 0), in place."""
    weight.copy_(weight.sign() * (weight.abs() - threshold).clamp_(min=0))
