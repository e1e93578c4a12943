"""A quasi-Newton method for small models and whole training sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor
from torch.optim.optimizer import ParamsT

from zoo.optimizers.kernels import listed, tensors
from zoo.optimizers.options import NonNegative
from zoo.optimizers.stepping import evaluated


class LBFGS(torch.optim.LBFGS):
    """torch's, which a learning rate of zero, as at either end of a schedule, leaves where it is."""

    #: A step calls its closure several times.
    evaluates_again = True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns the loss that the closure computed first.

        Args:
            closure: computes loss and gradients anew; called several times.

        Raises:
            RuntimeError: there is no closure, as under a gradient scaler (float16).
        """
        if closure is None:
            raise RuntimeError("L-BFGS evaluates several times a step: give step a closure; train in float32")
        if self.param_groups[0]["lr"] == 0:
            return evaluated(closure)
        return super().step(closure)  # type: ignore[no-untyped-call]

    def frozen(self, parameters: Sequence[Tensor]) -> None:
        """Forget the curvature: it would go on moving these with the others."""
        self.state.clear()


def lbfgs(
    params: ParamsT,
    lr: NonNegative = 1.0,
    max_iter: Annotated[int, Ge(1)] = 20,
    max_eval: Annotated[int, Ge(1)] | None = None,
    history_size: Annotated[int, Ge(1)] = 10,
    line_search: Literal["strong_wolfe", "none"] = "strong_wolfe",
    tolerance_grad: NonNegative = 1e-7,
    tolerance_change: NonNegative = 1e-9,
) -> LBFGS:
    """Limited-memory BFGS; Nocedal & Wright (2006), algorithms 7.4 and 7.5. torch's.

    A step is up to `max_iter` iterations on the batch it is given: it evaluates loss and gradients up to `max_eval`
    times through its closure. That is right for one batch that holds the whole training set, and follows the noise of
    small ones. Its curvature is of all parameters together, so that it has one learning rate and one group.

    Args:
        params: tensors or groups, which are made one.
        lr: length of a step along the quasi-Newton direction; with a line search, the first that is tried.
        max_iter: iterations a step.
        max_eval: evaluations a step; null is 1.25 `max_iter`.
        history_size: pairs of changes of weights and gradients that are kept.
        line_search: `strong_wolfe` (Nocedal & Wright, algorithms 3.5 and 3.6), or `none`.
        tolerance_grad: a gradient whose largest entry is no larger ends the step.
        tolerance_change: a change of weights or loss below it ends the step.

    Raises:
        ValueError: a group has a learning rate of its own.
    """
    params = listed(params)
    groups = [entry for entry in params if isinstance(entry, dict)]
    if any(group.get("lr", lr) != lr for group in groups):
        raise ValueError("a parameter group has a learning rate of its own, and L-BFGS has one; set optimizer.lr")
    return LBFGS(
        [{"params": tensors(params), "name": "all"}] if groups else params,
        lr=lr,
        max_iter=max_iter,
        max_eval=max_eval,
        tolerance_grad=tolerance_grad,
        tolerance_change=tolerance_change,
        history_size=history_size,
        line_search_fn=None if line_search == "none" else line_search,
    )
