"""The checks of a learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Optimizer

from zoo.testing.constructor import plain_defaults, schema_derivable
from zoo.testing.imports import imports_quietly
from zoo.testing.nested import difference, through_file
from zoo.testing.packaging import entry_point_name, yaml_in_wheel
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, Rule, Suite, asserting, needs

FACTS: dict[str, Any] = {"total_steps": 60, "steps_per_epoch": 6, "mode": "min"}
INTERVALS = ("step", "epoch", "validation")


def _start(subject: Subject) -> tuple[Optimizer, Any]:
    groups: list[dict[str, Any]] = [{"params": [nn.Parameter(torch.zeros(2))]} for _ in range(2)]
    groups[1]["lr"] = 0.5
    optimizer = SGD(groups, lr=1.0)
    return optimizer, subject.build(optimizer=optimizer)


def _rates(subject: Subject, optimizer: Optimizer, schedule: Any, steps: range) -> list[list[float]]:
    """Learning rates of the groups after each step; a validation schedule watches a value that stops improving."""
    watches = _interval(subject) == "validation"
    rates = []
    for number in steps:
        optimizer.step()
        schedule.step(max(1.0, 5.0 - number)) if watches else schedule.step()
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
    return rates


def _interval(subject: Subject) -> str:
    return str(getattr(subject.component.load(), "interval", "step"))


def _length(subject: Subject) -> int:
    """Calls of `step()` in a whole run."""
    total = int(subject.facts["total_steps"])
    return total if _interval(subject) == "step" else total // int(subject.facts["steps_per_epoch"])


@needs("schema_derivable")
def builds(subject: Subject) -> None:
    """It makes something with `step`, `state_dict` and `load_state_dict`, and its `interval` is a known one."""
    if _interval(subject) not in INTERVALS:
        raise Nonconformity(f"interval is {_interval(subject)!r}", f"make it one of {', '.join(INTERVALS)}")
    _, schedule = _start(subject)
    lacking = [name for name in ("step", "state_dict", "load_state_dict") if not hasattr(schedule, name)]
    if lacking:
        raise Nonconformity(f"the schedule has no {', '.join(lacking)}", "return a torch LRScheduler")


@needs("builds")
def rates_are_sane(subject: Subject) -> None:
    """Over a whole run every learning rate is finite and not negative, and the run does not start at zero for good."""
    optimizer, schedule = _start(subject)
    first = [[float(group["lr"]) for group in optimizer.param_groups]]
    rates = first + _rates(subject, optimizer, schedule, range(_length(subject)))
    if not all(math.isfinite(rate) and rate >= 0 for step in rates for rate in step):
        raise Nonconformity("a learning rate is negative or not finite", "mind the last step")
    if not any(rate > 0 for step in rates for rate in step):
        raise Nonconformity("every learning rate is zero")


@needs("rates_are_sane")
def groups_keep_their_proportion(subject: Subject) -> None:
    """Parameter groups with different learning rates stay different: the schedule scales each one's own."""
    optimizer, schedule = _start(subject)
    for step in _rates(subject, optimizer, schedule, range(_length(subject) // 2)):
        if step[0] > 0 and step[0] == step[1]:
            raise Nonconformity("two groups with different learning rates get the same", "scale each group's own rate")


@needs("rates_are_sane")
def resume_equals_uninterrupted(subject: Subject) -> None:
    """Its state is plain data, and a schedule that goes on from it gives the same learning rates."""
    half, whole = _length(subject) // 2, _length(subject)
    optimizer, schedule = _start(subject)
    _rates(subject, optimizer, schedule, range(half))
    saved = through_file([optimizer.state_dict(), schedule.state_dict()], "state_dict()")
    expected = _rates(subject, optimizer, schedule, range(half, whole))
    optimizer, schedule = _start(subject)
    optimizer.load_state_dict(saved[0])
    schedule.load_state_dict(saved[1])
    if difference(expected, _rates(subject, optimizer, schedule, range(half, whole))) is not None:
        raise Nonconformity("a resumed schedule gives other learning rates", "keep its counters in state_dict()")


RULES: tuple[Rule, ...] = (
    schema_derivable,
    plain_defaults,
    imports_quietly,
    builds,
    rates_are_sane,
    groups_keep_their_proportion,
    resume_equals_uninterrupted,
    entry_point_name,
    yaml_in_wheel,
)


def schedule_checks(
    target: str,
    *,
    config: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Suite:
    """The checks of a schedule, one by one: for `pytest.mark.parametrize("check", schedule_checks(...))`.

    Args:
        target: `package.module:attribute`, a class or factory.
        config: options of its constructor.
        expected_failures: reason by name of a check that fails and may. It must fail then.
        facts: what a run would inject: `total_steps` 60, `steps_per_epoch` 6, `mode` min, and these.
    """
    subject = Subject("schedule", target, config or {}, {**FACTS, **(facts or {})})
    return Suite(subject, target, RULES, expected_failures)


check_schedule = asserting(schedule_checks)
