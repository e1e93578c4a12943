"""One optimizer first, another for the rest."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from zoo.optimizers.combined import Combined, copied, tell, with_rate
from zoo.optimizers.momentum import MomentumAverage
from zoo.optimizers.options import Inner, NonNegative, Share
from zoo.optimizers.projected_rate import ProjectedRate
from zoo.optimizers.stepping import evaluated

When = Literal["step", "epoch", "plateau", "swats"]
_PROGRESS = "switch"


class Switch(Combined):
    """One optimizer until a moment, another after it.

    The groups are the first one's, for good: a schedule goes on scaling their learning rates. After the switch the
    second one's rate is that of its group times a constant, which makes it the second one's own rate, or SWATS'
    estimate, at the moment of the switch, as far as a schedule has lowered it by then in the former case. The first
    one's state is dropped, the second one starts afresh.

    Args:
        first: the optimizer to begin with.
        second: the one to go on with, over the same parameters.
        when: at a step, after an epoch, when validation loss stops falling, or when SWATS' estimate settles.
        at: which step or epoch.
        patience: validations without progress that are let pass.
        estimated: whether the second one's learning rate is SWATS' estimate.
        rate: SWATS' estimator.
        factor: the second one's learning rate as a multiple of the first one's.
    """

    def __init__(
        self,
        first: Optimizer,
        second: Optimizer,
        *,
        when: When,
        at: int,
        patience: int,
        estimated: bool,
        rate: ProjectedRate,
        factor: float,
    ) -> None:
        super().__init__([first])
        if len(first.param_groups) != len(second.param_groups):
            raise ValueError("second: forms other parameter groups than first, so that it cannot take over")
        self.second = second
        self.when, self.at, self.patience, self.estimated, self.rate = when, at, patience, estimated, rate
        self.param_groups[0].setdefault(
            _PROGRESS,
            {
                "switched": False,
                "factor": factor,
                "steps": 0,
                "epochs": 0,
                "best": math.inf,
                "waited": 0,
                **rate.start(),
            },
        )

    @property
    def watches(self) -> bool:
        """Whether a validation decides when to switch."""
        return self.when == "plateau"

    @property
    def progress(self) -> dict[str, Any]:
        """What decides on the switch, as plain data; `switched` says whether it has happened."""
        found: dict[str, Any] = self.param_groups[0][_PROGRESS]
        return found

    def _share(self) -> None:
        super()._share()
        if hasattr(self, "second"):
            self._hand_over()

    def _hand_over(self) -> None:
        """After the switch the state is the second optimizer's."""
        if self.progress["switched"]:
            self.parts[0].state = defaultdict(dict)
            self.second.state = self.state

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of the optimizer whose turn it is; returns what the closure returned."""
        loss = evaluated(closure)
        if self.progress["switched"]:
            self._step_second()
            return loss
        before = self._before() if self.estimated or self.when == "swats" else []
        self.parts[0].step()
        self.progress["steps"] += 1
        settled = self.rate.update(self.progress, before) if before else False
        if (self.when == "swats" and settled) or (self.when == "step" and self.progress["steps"] >= self.at):
            self._switch()
        return loss

    def _before(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Each parameter with a gradient, with its values and gradient now."""
        every = (p for group in self.param_groups for p in group["params"] if p.grad is not None)
        return [(p, p.detach().clone(), p.grad.clone()) for p in every]

    def _step_second(self) -> None:
        for mine, other in zip(self.param_groups, self.second.param_groups, strict=True):
            other["lr"] = mine["lr"] * self.progress["factor"]
        self.second.step()

    def _switch(self) -> None:
        """Go on with the second optimizer."""
        tell(self.parts[0], "train")
        if self.estimated and (estimate := self.rate.estimate(self.progress)) > 0:
            now = max(float(group["lr"]) for group in self.param_groups)
            self.progress["factor"] = estimate / now if now > 0 else self.progress["factor"]
        self.progress["switched"] = True
        self.state.clear()
        self.state.update(self.second.state)  # what it has before its first step, as Adagrad
        self._hand_over()

    def epoch_ended(self) -> None:
        """A training epoch is over: the moment to switch after one."""
        super().epoch_ended()
        self.progress["epochs"] += 1
        if self.when == "epoch" and not self.progress["switched"] and self.progress["epochs"] >= self.at:
            self._switch()

    def validated(self, loss: float) -> None:
        """A validation found this loss: the moment to switch when progress stops."""
        super().validated(loss)
        if self.when != "plateau" or self.progress["switched"]:
            return
        if loss < self.progress["best"]:
            self.progress.update(best=loss, waited=0)
            return
        self.progress["waited"] += 1
        if self.progress["waited"] > self.patience:
            self._switch()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train further parameters, now and after the switch."""
        if hasattr(self, "second"):
            self.second.add_param_group({**param_group, "params": list(param_group["params"])})
        super().add_param_group(param_group)


def _ratio(first: Optimizer, second: Optimizer, own: list[bool]) -> float:
    """The second optimizer's learning rate as a multiple of the first one's.

    Args:
        first: the one.
        second: the other, with groups like it.
        own: which groups have learning rates of their own, the same in both.

    Raises:
        ValueError: the first has none to scale.
    """
    pair: list[dict[str, Any]] = [first.defaults, second.defaults]
    if False in own and len(first.param_groups) == len(second.param_groups) == len(own):
        pair = [optimizer.param_groups[own.index(False)] for optimizer in (first, second)]
    rates = [float(options.get("lr") or 0.0) for options in pair]
    if rates[0] <= 0:
        raise ValueError("first: its learning rate is zero, so that the second one's cannot follow it; set first.lr")
    return rates[1] / rates[0]


def switch(
    params: ParamsT,
    first: Inner = "adam",
    second: Inner = None,
    when: When = "swats",
    at: Annotated[int, Ge(1)] | None = None,
    patience: Annotated[int, Ge(0)] | None = None,
    estimate: bool | None = None,
    decay: Share = 0.999,
    tolerance: Annotated[float, Gt(0)] = 1e-9,
    lr: NonNegative | None = None,
) -> Switch:
    """Adam first and SGD for the rest, or any other two.

    As it is, SWATS (Keskar & Socher 2017, algorithm 1): Adam's steps p are projected on the gradient, γ = pᵀp / (-pᵀg),
    and when the running mean of γ settles, momentum goes on with it as learning rate, v ← β v + g,
    θ ← θ - (1 - β) Λ v.

    Args:
        params: tensors or groups.
        first: the optimizer to begin with: a name, or `{name: adamw, lr: 0.01}`.
        second: the one to go on with; null is `{name: momentum, convention: average}`, the paper's.
        when: at a `step` or after an `epoch`, given by `at`; on a `plateau`, when the validation loss has not fallen
            for more than `patience` validations; or `swats`, when the mean of γ is within `tolerance` of γ.
        at: how many steps or epochs the first one takes.
        patience: for a plateau; null is 2.
        estimate: whether the mean of γ is the second one's learning rate, in place of its own; null is yes for `swats`
            and no else. It is a rate of plain descent: momentum should be an average.
        decay: β₂ of the mean of γ.
        tolerance: ε of the paper.
        lr: the first one's learning rate; null is its own.

    Raises:
        ValueError: options that do not go together.
    """
    if (at is None) == (when in ("step", "epoch")):
        raise ValueError(f"at: goes with when=step or when=epoch, which need it; when={when} {_WANTS[at is None]}")
    if patience is not None and when != "plateau":
        raise ValueError(f"patience: goes with when=plateau, not with when={when}; leave it out")
    groups = with_rate(params, None)
    before = first(params=with_rate(groups, lr))
    after = MomentumAverage(copied(groups)) if second is None else second(params=copied(groups))
    return Switch(
        before,
        after,
        when=when,
        at=at or 0,
        patience=2 if patience is None else patience,
        estimated=when == "swats" if estimate is None else estimate,
        rate=ProjectedRate(decay, tolerance),
        factor=_ratio(before, after, ["lr" in group for group in groups]),
    )


_WANTS = {True: "has none; give it", False: "has no use for it; leave it out"}
