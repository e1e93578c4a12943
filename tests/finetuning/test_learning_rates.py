"""The learning rate of every group at every step is the closed form, for every schedule, across phases."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.config.building import default_node
from zoo.finetuning.finetuning import Finetuning
from zoo.finetuning.phases import distance_factors, segments
from zoo.finetuning.strategies import Full, Gradual, Schedule
from zoo.harness.factories import OptimizerOf, ScheduleOf
from zoo.registry import HOST
from zoo.schedules.factors import cosine_factor, step_factor
from zoo.schedules.trace import trace
from zoo.tasks.course import Course

STAGES = ["stem", "layer1", "layer2", "head"]
PER_EPOCH, EPOCHS = 5, 6
OPTIONS: dict[str, dict[str, Any]] = {
    "multistep": {"milestones": [1, 4]},
    "plateau": {"patience": 0},
    "warmup": {"steps": 7},
    "noam": {"warmup_steps": 4},
    "inverse_sqrt": {"warmup_steps": 4},
    "step": {"every": 2},
    "one_cycle": {"momentum": [0.8, 0.9]},
}
WATCHED = [1.0, 0.5, 0.6, 0.4, 0.45, 0.44]


def course_of(model: nn.Module, strategy: Any, schedule: dict[str, Any], optimizer: dict[str, Any]) -> Course:
    """A run's optimizer and schedules, as the harness puts them together."""
    finetuning = Finetuning(model, strategy, EPOCHS)
    course = Course(OptimizerOf(optimizer), ScheduleOf(schedule, "min"))

    def completed(node: Any) -> Any:
        return default_node("optimizer", node["name"]) | node

    found = segments(finetuning.phases, optimizer, schedule, completed)
    built = [
        replace(one, optimizer=OptimizerOf(one.optimizer), schedule=ScheduleOf(one.schedule, "min")) for one in found
    ]
    course.finetune(finetuning, built)
    return course


def gone_through(course: Course, model: nn.Module) -> tuple[list[dict[str, float]], list[str]]:
    """Learning rate of each group, and the optimizer's name, at each step of a run without data."""
    optimizer = course.build(model, EPOCHS * PER_EPOCH, PER_EPOCH)
    trainer: Any = SimpleNamespace(world_size=1)
    rates, names = [], []
    for epoch in range(EPOCHS):
        course.begin_epoch(epoch, trainer)
        for _ in range(PER_EPOCH):
            rates.append({group["name"]: float(group["lr"]) for group in optimizer.param_groups})
            names.append(type(getattr(optimizer, "part", optimizer)).__name__)
            optimizer.step()
            course.step_schedule("step")
        course.step_schedule("validation", WATCHED[epoch])
        course.step_schedule("epoch")
    return rates, names


SCHEDULES = sorted(one.name for one in zoo.components("schedule") if one.distribution == HOST)


@pytest.mark.parametrize("strategy", [Full(frozen_epochs=2, factor=0.5), Gradual(factor=0.1)], ids=["full", "gradual"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_scales_the_rate_of_each_stage(name: str, strategy: Any, model: nn.Module) -> None:
    node = {"name": name, **OPTIONS.get(name, {})}
    course = course_of(model, strategy, node, {"name": "sgd", "lr": 0.2, "momentum": 0.9})
    rates, _ = gone_through(course, model)
    schedule = ScheduleOf(node, "min")
    alone = trace(
        lambda optimizer: schedule(optimizer, EPOCHS * PER_EPOCH, PER_EPOCH),
        EPOCHS * PER_EPOCH,
        lr=0.2,
        interval=schedule.interval,
        steps_per_epoch=PER_EPOCH,
        watched=WATCHED,
    )
    factors = distance_factors(STAGES, strategy.factor)
    assert len({name.split()[0] for name in rates[0]}) == 4
    for step, now in enumerate(rates):
        for group, rate in now.items():
            assert rate == pytest.approx(alone[step] * factors[group.split()[0]], rel=1e-12), (step, group)


PHASES: list[dict[str, Any]] = [
    {"epochs": 1, "train": "head", "lr": 0.1},
    {"epochs": 1, "train": ["layer2", "head"]},
    {"epochs": 2, "train": "all", "lr": 0.02, "schedule": {"name": "step", "every": 1, "factor": 0.5}},
    {"train": "all", "optimizer": {"name": "adam", "lr": 0.004}, "schedule": {"name": "cosine", "min_lr_factor": 0.1}},
]


def test_a_phase_s_own_schedule_runs_over_its_own_steps(model: nn.Module) -> None:
    """Cosine over phases 1 and 2 together, which share it; then steps by the phase's own epochs; then cosine again."""
    course = course_of(model, Schedule(PHASES, factor=0.5), {"name": "cosine"}, {"name": "sgd", "momentum": 0.9})
    rates, names = gone_through(course, model)
    expected = [0.1 * cosine_factor(step, 10) for step in range(10)]
    expected += [0.02 * step_factor(step // 5, 1, 0.5) for step in range(10)]
    expected += [0.004 * cosine_factor(step, 10, 0.1) for step in range(10)]
    factors = distance_factors(STAGES, 0.5)
    for step, now in enumerate(rates):
        for group, rate in now.items():
            assert rate == pytest.approx(expected[step] * factors[group.split()[0]], rel=1e-12, abs=1e-18), step
    assert names == ["SGD"] * 20 + ["Adam"] * 10


def test_an_optimizer_keeps_its_state_unless_the_phase_names_another(model: nn.Module) -> None:
    course = course_of(model, Schedule(PHASES), {"name": "constant"}, {"name": "sgd", "momentum": 0.9})
    optimizer: Any = course.build(model, EPOCHS * PER_EPOCH, PER_EPOCH)
    kept = []
    for epoch in range(EPOCHS):
        course.begin_epoch(epoch, SimpleNamespace(world_size=1))  # type: ignore[arg-type]
        kept.append(len(optimizer.state))
        model(torch.rand(4, 3, 8, 8)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert kept == [0, 2, 6, 13, 0, 13]


def test_a_momentum_that_one_schedule_moves_is_the_optimizer_s_own_for_the_next(model: nn.Module) -> None:
    phases = [
        {"epochs": 2, "train": "head", "schedule": {"name": "one_cycle", "momentum": [0.5, 0.8]}},
        {"train": "head", "schedule": "constant"},
    ]
    course = course_of(model, Schedule(phases), {"name": "constant"}, {"name": "sgd", "momentum": 0.9})
    gone_through(course, model)
    assert all(group["momentum"] == 0.9 for group in course._parts[0].param_groups)


def test_the_learning_rates_of_a_run_are_logged_by_stage(train: Callable[..., Any]) -> None:
    run = train("finetune=gradual", "finetune.factor=0.5", "optimizer.lr=0.01", "schedule=cosine")
    with (run.dir / "logs" / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["lr/head"]]
    assert len(rows) == 11  # of 12 steps, in the last of which all are zero
    for row in rows:
        rate = 0.01 * cosine_factor(int(row["step"]), 12)
        for distance, stage in enumerate(reversed(STAGES)):
            for suffix in ("", " no_decay"):
                assert float(row[f"lr/{stage}{suffix}"]) == pytest.approx(rate * 0.5**distance, rel=1e-9)
