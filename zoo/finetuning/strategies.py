"""Which stages train when: the head alone, all of them after a while, one after the other, or as a list says.

A strategy has plain options and a method `phases`. What else a run asks of it, if it is there: `batch_norm`, of frozen
stages; `l2_sp` and `l2_sp_head`, of the penalty; `prepare`, which changes the model as soon as it is built; `cache` and
`views`, of what frozen stages compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen

from zoo.finetuning.freezing import BatchNorm
from zoo.finetuning.phases import Phase, distance_factors
from zoo.registry import did_you_mean, nested_node

#: Learning rate of a stage as a share of that of the one after it.
Factor = Annotated[float, Gt(0)]
Penalty = Annotated[float, Ge(0)]
#: Whether outputs of frozen stages are kept.
Cache = bool | Literal["auto"]


class Head:
    """The head trains, everything else stays as it is.

    Args:
        batch_norm: of frozen stages: `eval` uses its statistics as they are, `train` goes on updating them.
        cache: whether what the frozen stages make of the pictures is computed once and kept, so that an
            epoch costs what the trained stages cost. `auto`: where the pictures are the same in every epoch, or `views`
            are given.
        views: k drawings of each training picture are kept, and seen in turn, an epoch each; 0: none, the pictures
            themselves.
    """

    def __init__(self, batch_norm: BatchNorm = "eval", cache: Cache = "auto", views: Annotated[int, Ge(0)] = 0) -> None:
        self.batch_norm: BatchNorm = batch_norm
        self.cache, self.views = cache, views

    def phases(self, stages: Sequence[str], epochs: int | None) -> list[Phase]:
        """One phase.

        Args:
            stages: those with parameters, from the input to the head.
            epochs: of the run; None if it has no such limit.
        """
        return [Phase(None, (stages[-1],))]


class Full:
    """The head trains for some epochs while everything else is frozen; then all of it trains.

    Args:
        frozen_epochs: in which the head trains alone.
        factor: learning rate of a stage as a share of that of the one after it: below 1, the nearer to the input a
            stage is, the less it moves (Howard & Ruder 2018, section 3.2, divide by 2.6).
        batch_norm: of frozen stages: `eval` uses its statistics as they are, `train` goes on updating them.
        l2_sp: α, pull of all but the head towards where training started; Li et al. (2018), equation 3.
        l2_sp_head: β, pull of the head towards zero; equation 3.
    """

    def __init__(
        self,
        frozen_epochs: Annotated[int, Ge(0)] = 1,
        factor: Factor = 1.0,
        batch_norm: BatchNorm = "eval",
        l2_sp: Penalty = 0.0,
        l2_sp_head: Penalty = 0.0,
    ) -> None:
        self.frozen_epochs, self.factor = frozen_epochs, factor
        self.batch_norm: BatchNorm = batch_norm
        self.l2_sp, self.l2_sp_head = l2_sp, l2_sp_head

    def phases(self, stages: Sequence[str], epochs: int | None) -> list[Phase]:
        """Two phases, or one without frozen epochs; arguments as those of `Head.phases`."""
        factors = distance_factors(stages, self.factor)
        first = [Phase(self.frozen_epochs, (stages[-1],), factors=factors)] if self.frozen_epochs else []
        return [*first, Phase(None, tuple(stages), factors=factors)]


class Gradual:
    """The head trains first, and one more stage joins it after each so many epochs, from the head to the input.

    Gradual unfreezing; Howard & Ruder (2018), section 3.3, who let one more join after every epoch.

    Args:
        every: epochs between two stages.
        factor: learning rate of a stage as a share of that of the one after it.
        batch_norm: of frozen stages: `eval` uses its statistics as they are, `train` goes on updating them.
        l2_sp: α, pull of all but the head towards where training started; Li et al. (2018), equation 3.
        l2_sp_head: β, pull of the head towards zero; equation 3.
    """

    def __init__(
        self,
        every: Annotated[int, Ge(1)] = 1,
        factor: Factor = 1.0,
        batch_norm: BatchNorm = "eval",
        l2_sp: Penalty = 0.0,
        l2_sp_head: Penalty = 0.0,
    ) -> None:
        self.every, self.factor = every, factor
        self.batch_norm: BatchNorm = batch_norm
        self.l2_sp, self.l2_sp_head = l2_sp, l2_sp_head

    def phases(self, stages: Sequence[str], epochs: int | None) -> list[Phase]:
        """As many phases as there are stages; arguments as those of `Head.phases`."""
        factors = distance_factors(stages, self.factor)
        return [
            Phase(self.every if count < len(stages) else None, tuple(stages[-count:]), factors=factors)
            for count in range(1, len(stages) + 1)
        ]


class Schedule:
    """Phases as a list says: what trains, for how long, at which learning rate, with which optimizer and schedule.

    A phase that gives neither learning rate nor optimizer nor schedule goes on with those of the one before. One that
    gives any of them starts a schedule anew, over its own steps and those of the phases that go on from it; the
    optimizer keeps its state unless it is another one, or has other options than its learning rate.

    Args:
        phases: one after the other: `[{epochs: 2, train: head, lr: 0.001}, {epochs: 5, train: [layer4, head]},
            {train: all, lr: 0.0001, optimizer: sgd, schedule: cosine}]`. `train` is a stage, a list of them, or all;
            the last phase lasts for as long as the run, and needs no `epochs`.
        factor: learning rate of a stage as a share of that of the one after it.
        batch_norm: of frozen stages: `eval` uses its statistics as they are, `train` goes on updating them.
        l2_sp: α, pull of all but the head towards where training started; Li et al. (2018), equation 3.
        l2_sp_head: β, pull of the head towards zero; equation 3.
        cache: whether what stages that no phase trains make of the pictures is computed once and kept, so that an
            epoch costs what the trained stages cost. `auto`: where the pictures are the same in every epoch, or `views`
            are given.
        views: k drawings of each training picture are kept, and seen in turn, an epoch each; 0: none, the pictures
            themselves.

    Raises:
        ValueError: a phase has an entry of another name or kind.
    """

    def __init__(
        self,
        phases: Annotated[list[dict[str, Any]], MinLen(1)],
        factor: Factor = 1.0,
        batch_norm: BatchNorm = "eval",
        l2_sp: Penalty = 0.0,
        l2_sp_head: Penalty = 0.0,
        cache: Cache = "auto",
        views: Annotated[int, Ge(0)] = 0,
    ) -> None:
        for number, entry in enumerate(phases):
            _check_entry(f"phases[{number}]", entry)
        self.entries, self.factor = [dict(entry) for entry in phases], factor
        self.batch_norm: BatchNorm = batch_norm
        self.l2_sp, self.l2_sp_head = l2_sp, l2_sp_head
        self.cache, self.views = cache, views

    def phases(self, stages: Sequence[str], epochs: int | None) -> list[Phase]:
        """Those of the list; arguments as those of `Head.phases`."""
        factors = distance_factors(stages, self.factor)
        found = []
        for entry in self.entries:
            named = entry["train"]
            names = stages if named == "all" else [named] if isinstance(named, str) else named
            parts = {key: nested_node(entry[key]) if entry.get(key) else None for key in ("optimizer", "schedule")}
            found.append(Phase(entry.get("epochs"), tuple(names), entry.get("lr"), factors, **parts))
        return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_node(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and isinstance(value.get("name"), str))


def _is_stages(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Sequence) and all(isinstance(one, str) for one in value))


_ENTRIES = {
    "epochs": (_is_count, "1 or more"),
    "train": (_is_stages, "a stage, a list of stages, or all"),
    "lr": (_is_rate, "a number, 0 or more"),
    "optimizer": (_is_node, "a name, or {name: ..., option: ...}"),
    "schedule": (_is_node, "a name, or {name: ..., option: ...}"),
}


def _check_entry(key: str, entry: Mapping[str, Any]) -> None:
    """Whether a phase has known entries of their kinds.

    Raises:
        ValueError: it has not.
    """
    for name, value in entry.items():
        if name not in _ENTRIES:
            hint = did_you_mean(str(name), _ENTRIES) or f"; known: {', '.join(_ENTRIES)}"
            raise ValueError(f"{key}.{name}: no such entry{hint}")
        fits, wanted = _ENTRIES[name]
        if value is not None and not fits(value):
            raise ValueError(f"{key}.{name}: expected {wanted}, got {value!r}")
    if not entry.get("train"):
        raise ValueError(f"{key}.train: must be given: a stage, a list of stages, or all")
