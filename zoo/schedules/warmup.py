"""A rise of the learning rate before any other schedule."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge
from torch.optim import Optimizer

from zoo.registry import Names
from zoo.schedules.factors import warmup_factor
from zoo.schedules.torch_schedules import Share

#: The name of another schedule, or `{name: ..., option: ...}`; a constructor gets what builds it.
After = Annotated[Any, Names("schedule")]


class Warmup:
    """Another schedule's learning rate, times a line from `start_factor` to 1.

    A schedule of steps starts when the line is over; until then its first learning rate holds. One of epochs or of
    validations goes by the run's, from its beginning (Goyal et al. 2017, section 2.2, count so).

    Args:
        optimizer: whose learning rates are scheduled.
        after: the other schedule, over the same optimizer.
        interval: when that one steps: `step`, `epoch` or `validation`.
        rise: length of the line, in steps.
        start_factor: where it begins.
        steps_per_epoch: optimizer steps in an epoch.
    """

    def __init__(
        self, optimizer: Optimizer, after: Any, interval: str, rise: int, start_factor: float, steps_per_epoch: int
    ) -> None:
        self.optimizer, self.after, self.interval = optimizer, after, interval
        self.rise, self.start_factor, self.steps_per_epoch = rise, start_factor, steps_per_epoch
        self.steps = 0
        self._rates = self._current()
        self._write()

    def step(self) -> None:
        """To the next optimizer step."""
        self.steps += 1
        if self.interval == "step":
            if self.steps > self.rise:
                self._move()
        elif self.interval == "epoch" and self.steps % self.steps_per_epoch == 0:
            self._move()
        self._write()

    def validated(self, value: float) -> None:
        """A validation found this value of what is watched."""
        if self.interval == "validation":
            self._move(value)
            self._write()

    def _move(self, *values: float) -> None:
        """Let the other schedule go on from the learning rates that it has set itself."""
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate
        self.after.step(*values)
        self._rates = self._current()

    def _current(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def _write(self) -> None:
        factor = warmup_factor(self.steps, self.rise, self.start_factor)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def get_last_lr(self) -> list[float]:
        """The learning rates now."""
        return self._current()

    def state_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"steps": self.steps, "rates": list(self._rates), "after": self.after.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.steps, self._rates = state["steps"], list(state["rates"])
        self.after.load_state_dict(state["after"])


def warmup(
    optimizer: Optimizer,
    total_steps: Annotated[int, Ge(1)],
    steps_per_epoch: Annotated[int, Ge(1)],
    mode: str,
    steps: Annotated[int, Ge(0)] | Share = 0.05,
    start_factor: Share = 0.01,
    after: After = "cosine",
    min_lr_factor: Share = 0.0,
) -> Warmup:
    """Raises the learning rate in a line (Goyal et al. 2017, section 2.2), then goes on as `after` says.

    Args:
        optimizer: whose learning rates are scheduled.
        total_steps: optimizer steps in the run.
        steps_per_epoch: optimizer steps in an epoch.
        mode: for a plateau, whether less (min) or more (max) of the monitored value is better.
        steps: length of the rise: a whole number of optimizer steps, or a share of the run (0.05 is a
            twentieth). A run shorter than that ends while it rises.
        start_factor: first learning rate, as a share of the optimizer's.
        after: any schedule: a name, or `{name: multistep, milestones: [30, 60]}`. One of steps has what the rise
            leaves of the run; one of epochs counts the whole run's.
        min_lr_factor: that option of `after`: where it ends, as a share of the optimizer's learning rate.

    Raises:
        ValueError: a `min_lr_factor` that `after` has no use for.
    """
    interval = str(getattr(after.target, "interval", "step"))
    if min_lr_factor != 0 and "min_lr_factor" not in inspect.signature(after.target).parameters:
        name = after.node["name"]
        remedy = "set after=cosine or after=linear, or leave it out"
        raise ValueError(f"min_lr_factor: after={name} has none; {remedy}")
    rise = steps if isinstance(steps, int) else round(steps * total_steps)
    rest = max(total_steps - rise, 1) if interval == "step" else total_steps
    facts = {"optimizer": optimizer, "total_steps": rest, "steps_per_epoch": steps_per_epoch, "mode": mode}
    extra = {"min_lr_factor": min_lr_factor} if min_lr_factor else {}
    return Warmup(optimizer, after(**facts, **extra), interval, rise, start_factor, steps_per_epoch)
