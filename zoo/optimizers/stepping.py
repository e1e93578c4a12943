"""What a step of every optimizer here does the same way: the closure, and the walk over the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

State = dict[str, Any]
Update = Callable[[Tensor, Tensor, State, dict[str, Any]], None]


def evaluated(closure: Callable[[], Any] | None) -> Any:
    """The loss that a closure computes, with gradients anew; `None` without one."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def step_each(optimizer: Optimizer, closure: Callable[[], Any] | None, update: Update) -> Any:
    """One step of an optimizer that treats every parameter by itself.

    Args:
        optimizer: its groups and its state are used.
        closure: computes loss and gradients anew.
        update: changes a parameter in place, given it, its gradient, its state and its group.

    Returns:
        What the closure returned.

    Raises:
        RuntimeError: a gradient is sparse or complex.
    """
    loss = evaluated(closure)
    with torch.no_grad():
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if parameter.grad.layout is not torch.strided or parameter.grad.is_complex():
                    raise RuntimeError(
                        f"{type(optimizer).__name__} takes dense real gradients only; choose optimizer=sgd or adagrad "
                        "with fused=false for sparse ones"
                    )
                update(parameter, parameter.grad, optimizer.state[parameter], group)
    return loss
