import inspect
import math

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from zoo.schedules import torch_schedules
from zoo.schedules.torch_schedules import constant, cosine, plateau, step

LR = 0.3
ALL = {
    "constant": (constant, {}),
    "cosine": (cosine, {"total_steps": 30, "min_lr_factor": 0.1}),
    "step": (step, {"every": 4, "factor": 0.5}),
    "plateau": (plateau, {"mode": "min", "patience": 1, "factor": 0.5}),
}


def optimizer_with(*rates: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates or (LR,)])


def advance(schedule: LRScheduler, steps: int, start: int = 0) -> list[float]:
    """Learning rates used by `steps` optimizer steps; a plateau sees a value that stops falling after four."""
    rates = []
    for position in range(start, start + steps):
        rates.append(schedule.optimizer.param_groups[0]["lr"])
        schedule.optimizer.step()
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(max(4 - position, 0))
        else:
            schedule.step()
    return rates


def test_constant_is_constant():
    assert advance(constant(optimizer_with()), 50) == [LR] * 50


@pytest.mark.parametrize("floor", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("total", [1, 7, 1000])
def test_cosine_is_its_closed_form_and_stays_at_the_end(floor, total):
    rates = advance(cosine(optimizer_with(), total, floor), total + 5)
    expected = [LR * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * t / total))) for t in range(total)]
    assert rates[:total] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert rates[total:] == pytest.approx([LR * floor] * 5, abs=1e-12)


@pytest.mark.parametrize(("every", "factor"), [(1, 0.5), (3, 0.1), (10, 1.0)])
def test_step_drops_after_each_period(every, factor):
    rates = advance(step(optimizer_with(), every, factor), 12)
    assert rates == pytest.approx([LR * factor ** (t // every) for t in range(12)], rel=1e-12)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateau_lowers_the_rate_after_patience_runs_out(mode):
    sign = 1 if mode == "min" else -1
    optimizer = optimizer_with()
    schedule = plateau(optimizer, mode, factor=0.5, patience=2, min_lr=0.1)
    rates = []
    for value in [3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1]:
        schedule.step(sign * value)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.3] * 4 + [0.15] * 4 + [0.1] * 4)


def test_plateau_counts_progress_beyond_the_threshold_only():
    optimizer = optimizer_with()
    schedule = plateau(optimizer, "min", factor=0.5, patience=0, threshold=0.1)
    for value in [1.0, 0.95]:
        schedule.step(value)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.15)
    schedule.step(0.5)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.15)


def test_plateau_waits_out_its_cooldown():
    optimizer = optimizer_with()
    schedule = plateau(optimizer, "min", factor=0.5, patience=0, cooldown=3)
    rates = []
    for _ in range(6):
        schedule.step(1.0)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.3, 0.15, 0.15, 0.15, 0.15, 0.075])


@pytest.mark.parametrize("name", ["cosine", "step"])
def test_every_group_keeps_its_share(name):
    factory, options = ALL[name]
    optimizer = optimizer_with(0.3, 0.6)
    schedule = factory(optimizer, **options)
    for _ in range(9):
        advance(schedule, 1)
        low, high = (group["lr"] for group in optimizer.param_groups)
        assert high == pytest.approx(2 * low)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_schedule_resumes_from_plain_state_where_it_stopped(name, tmp_path):
    factory, options = ALL[name]
    uninterrupted = advance(factory(optimizer_with(), **options), 20)
    first = factory(optimizer_with(), **options)
    rates = advance(first, 9)
    torch.save([first.optimizer.state_dict(), first.state_dict()], tmp_path / "state.pt")
    optimizer = optimizer_with()
    second = factory(optimizer, **options)
    states = torch.load(tmp_path / "state.pt", weights_only=True)
    optimizer.load_state_dict(states[0])
    second.load_state_dict(states[1])
    assert rates + advance(second, 11, start=9) == uninterrupted


def test_each_factory_says_when_it_steps():
    assert {name: getattr(factory, "interval", "step") for name, (factory, _) in ALL.items()} == {
        "constant": "step",
        "cosine": "step",
        "step": "epoch",
        "plateau": "validation",
    }


def test_marking_a_factory_keeps_its_signature():
    assert list(inspect.signature(torch_schedules.step).parameters) == ["optimizer", "every", "factor"]
