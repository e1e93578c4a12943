"""Gradient descent with momentum in both conventions, with Nesterov's, and on the whole training set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import torch
from annotated_types import Ge, Interval
from torch import Tensor
from torch.optim.optimizer import ParamsT

from zoo.optimizers.options import NonNegative, Share
from zoo.optimizers.stepping import State, step_each
from zoo.optimizers.torch_optimizers import sgd

Factory = TypeVar("Factory", bound=Callable[..., object])


def wants_full_batch(factory: Factory) -> Factory:
    """Writes on a factory that its optimizer is to see the gradient of the whole training set at once."""
    vars(factory)["full_batch"] = True
    return factory


class MomentumAverage(torch.optim.Optimizer):
    """m ← β m + (1 - β) g, θ ← θ - η m, with m = 0 at the start: steps along a mean of the gradients.

    A learning rate means the same for every β. `momentum` with η (1 - β) in place of η takes the same steps.

    Args:
        params: tensors or groups, whose own options win over those here.
        lr: η.
        momentum: β.
        weight_decay: λ, coupled: g includes λ θ.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: NonNegative = 0.1,
        momentum: Share = 0.9,
        weight_decay: NonNegative = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what the closure returned."""
        return step_each(self, closure, self._update)

    def _update(self, parameter: Tensor, gradient: Tensor, state: State, group: dict[str, Any]) -> None:
        if group["weight_decay"]:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        if "mean" not in state:
            state["mean"] = torch.zeros_like(parameter)
        mean = state["mean"].lerp_(gradient, 1 - group["momentum"])
        parameter.sub_(mean, alpha=group["lr"])


def momentum(
    params: ParamsT,
    lr: NonNegative = 0.01,
    momentum: Annotated[float, Interval(gt=0, lt=1)] = 0.9,
    convention: Literal["sum", "average"] = "sum",
    weight_decay: NonNegative = 0.0,
) -> torch.optim.Optimizer:
    """Gradient descent with momentum; Polyak (1964), equation 9.

    `sum`, torch's convention: v ← β v + g. `average`: v ← β v + (1 - β) g, steps 1 - β times as long. In both v is
    zero at the start and θ ← θ - η v. Weight decay is coupled: g includes λ θ.

    Args:
        params: tensors or groups.
        lr: η.
        momentum: β.
        convention: how the gradient enters v.
        weight_decay: λ.
    """
    if convention == "average":
        return MomentumAverage(params, lr=lr, momentum=momentum, weight_decay=weight_decay)
    return sgd(params, lr=lr, momentum=momentum, weight_decay=weight_decay)


def nesterov(
    params: ParamsT,
    lr: NonNegative = 0.01,
    momentum: Annotated[float, Interval(gt=0, lt=1)] = 0.9,
    weight_decay: NonNegative = 0.0,
) -> torch.optim.SGD:
    """Nesterov's accelerated gradient: v ← μ v + g, θ ← θ - η (g + μ v).

    The form of Sutskever et al. (2013), section 2, at the point that the gradient is taken at.

    Args:
        params: tensors or groups.
        lr: η.
        momentum: μ.
        weight_decay: λ, coupled: g includes λ θ.
    """
    return sgd(params, lr=lr, momentum=momentum, nesterov=True, weight_decay=weight_decay)


@wants_full_batch
def bgd(
    params: ParamsT,
    lr: NonNegative = 0.1,
    momentum: Annotated[float, Ge(0), Interval(lt=1)] = 0.0,
    weight_decay: NonNegative = 0.0,
) -> torch.optim.SGD:
    """Batch gradient descent: θ ← θ - η ∇L(θ), L the mean loss of the whole training set; Cauchy (1847).

    One step an epoch. The optimizer takes the gradient it is given; that it is the whole set's is the run's part,
    which the attribute `full_batch` asks for: gradients of all batches of an epoch, weighted by their examples,
    are added up before the step. Outside a run, give it the whole set as one batch.

    Args:
        params: tensors or groups.
        lr: η.
        momentum: μ, of v ← μ v + ∇L; 0 is plain descent.
        weight_decay: λ, coupled: the gradient includes λ θ.
    """
    return sgd(params, lr=lr, momentum=momentum, weight_decay=weight_decay)
