"""What trains when: the phases of a fine-tuning, and the stretches of it that share an optimizer and a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

#: What stands behind a stage's name in that of its adapters.
ADAPTERS = " adapters"
#: A component's name, and options.
Node = Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """Some epochs in which the same stages train.

    Attributes:
        epochs: how many; None, or for the last phase any number, is for as long as the run goes on.
        train: names of the stages that train.
        lr: learning rate of the head; None goes on with that of the phase before.
        factors: learning rate of each stage as a share of the head's; 1 where none is given.
        optimizer: name and options of another optimizer; None goes on with that of the phase before.
        schedule: name and options of another schedule; None goes on with that of the phase before.
    """

    epochs: int | None
    train: tuple[str, ...]
    lr: float | None = None
    factors: Mapping[str, float] = field(default_factory=dict)
    optimizer: Node | None = None
    schedule: Node | None = None

    @property
    def goes_on(self) -> bool:
        """Whether optimizer, schedule and learning rate are those of the phase before."""
        return self.lr is None and self.optimizer is None and self.schedule is None


def distance_factors(stages: Sequence[str], factor: float) -> dict[str, float]:
    """factorᵈ for the stage d places before the head; adapters count as their stage.

    Args:
        stages: names from the input to the head.
        factor: learning rate of a stage as a share of that of the one after it.
    """
    distinct = list(dict.fromkeys(one.removesuffix(ADAPTERS) for one in stages))
    return {one: factor ** (len(distinct) - 1 - distinct.index(one.removesuffix(ADAPTERS))) for one in stages}


def starts(phases: Sequence[Phase]) -> list[int]:
    """The first epoch of each phase."""
    found = [0]
    for phase in phases[:-1]:
        found.append(found[-1] + (phase.epochs or 0))
    return found


def phase_at(phases: Sequence[Phase], epoch: int) -> int:
    """Which phase an epoch is in; the last one goes on for ever."""
    return max(number for number, start in enumerate(starts(phases)) if start <= epoch)


def check_phases(phases: Sequence[Phase], stages: Sequence[str]) -> None:
    """Whether phases can be gone through.

    Raises:
        ValueError: there is none, one trains nothing or an unknown stage, or one that is not the last never ends.
    """
    if not phases:
        raise ValueError("phases: there is none; give at least one")
    for number, phase in enumerate(phases):
        if unknown := [one for one in phase.train if one not in stages]:
            raise ValueError(f"phases[{number}]: no stage {unknown[0]!r}; the stages are {', '.join(stages)}")
        if not phase.train:
            raise ValueError(f"phases[{number}]: nothing trains; name a stage of {', '.join(stages)}")
        if not phase.epochs and (phase.epochs == 0 or number < len(phases) - 1):
            raise ValueError(f"phases[{number}]: how long? Give epochs, 1 or more; only the last may go without")


@dataclass(frozen=True)
class Segment:
    """Epochs with one optimizer and one schedule: a phase that sets its own, and those after it that go on with them.

    Attributes:
        first: its first epoch.
        end: the epoch after its last; None if it lasts for as long as the run.
        lr: learning rate of the head; None is the optimizer's own.
        factors: learning rate of each stage as a share of the head's.
        optimizer: name and options, or what builds it.
        schedule: name and options, or what builds it, if there is one.
        anew: whether the optimizer starts without a state.
    """

    first: int
    end: int | None
    lr: float | None
    factors: Mapping[str, float]
    optimizer: Any
    schedule: Any
    anew: bool = True


def segments(
    phases: Sequence[Phase], optimizer: Node, schedule: Node | None, completed: Callable[[Node], Node] = dict
) -> list[Segment]:
    """The segments of a fine-tuning, one after the other.

    Args:
        phases: checked.
        optimizer: the run's own: name and options.
        schedule: the run's own, if it has one.
        completed: fills the options of an optimizer in that are not given, so that two can be compared.

    Raises:
        ValueError: a learning rate is given twice.
    """
    found: list[Segment] = []
    for number, (phase, first) in enumerate(zip(phases, starts(phases), strict=True)):
        end = first + phase.epochs if phase.epochs else None
        before = found[-1] if found else Segment(0, 0, None, {}, optimizer, schedule)
        if found and phase.goes_on and phase.factors == before.factors:
            found[-1] = replace(before, end=end)
            continue
        own, lr = phase.optimizer or {}, phase.lr
        if lr is not None and own.get("lr") is not None:
            raise ValueError(f"phases[{number}]: lr is given twice, there and in optimizer; leave one out")
        lr = own.get("lr") if lr is None else lr
        anew = not found or (bool(own) and _without_rate(completed(own)) != _without_rate(completed(before.optimizer)))
        if lr is None and not (own and anew):
            lr = before.lr
        chosen = own if own and anew else before.optimizer
        found.append(Segment(first, end, lr, phase.factors, chosen, phase.schedule or before.schedule, anew))
    return found


def _without_rate(node: Node) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "lr"}


def segment_at(found: Sequence[Segment], epoch: int) -> int:
    """Which segment an epoch is in; the last one goes on for ever."""
    return max(number for number, segment in enumerate(found) if segment.first <= epoch)
