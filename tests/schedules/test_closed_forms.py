"""Every schedule against its closed form, written out, for 300 steps, on groups with learning rates of their own."""

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import zoo
from zoo.schedules.trace import trace

RATES = (0.3, 0.6)
STEPS, PER_EPOCH = 300, 10
FACTS = {"total_steps": STEPS, "steps_per_epoch": PER_EPOCH, "mode": "min"}


def cosine(part: float) -> float:
    return (1 + math.cos(math.pi * part)) / 2


def restarts(t: int, period: float, growth: float, floor: float) -> float:
    """By walking through the periods."""
    start, length = 0.0, period * PER_EPOCH
    while t >= start + length - 1e-9:
        start, length = start + length, length * growth
    return floor + (1 - floor) * cosine((t - start) / length)


def triangular(t: int, rise: float, floor: float, shrunk: float = 1.0) -> float:
    """Smith (2017), section 3.1, with its names."""
    stepsize = rise * PER_EPOCH
    cycle = math.floor(1 + t / (2 * stepsize))
    x = abs(t / stepsize - 2 * cycle + 1)
    return floor + (1 - floor) * max(0.0, 1 - x) * shrunk


def one_cycle(t: int, rise: float = 0.3, start: float = 0.04, end: float = 4e-6, linear: bool = False) -> float:
    fall = (lambda part: 1 - part) if linear else cosine
    top, last = rise * (STEPS - 1), STEPS - 1
    if t < top:
        return 1 + (start - 1) * fall(t / top)
    return end + (1 - end) * fall((t - top) / (last - top))


CASES = [
    ("constant", {}, lambda t: 1.0),
    ("linear", {"min_lr_factor": 0.1}, lambda t: 1 - 0.9 * t / STEPS),
    ("polynomial", {}, lambda t: (1 - t / STEPS) ** 2),
    ("polynomial", {"power": 0.9, "min_lr_factor": 0.2}, lambda t: 0.2 + 0.8 * (1 - t / STEPS) ** 0.9),
    ("cosine", {"min_lr_factor": 0.1}, lambda t: 0.1 + 0.9 * cosine(t / STEPS)),
    ("step", {"every": 4, "factor": 0.5}, lambda t: 0.5 ** (t // PER_EPOCH // 4)),
    (
        "multistep",
        {"milestones": [3, 7, 20]},
        lambda t: 0.1 ** ((t >= 30) + (t >= 70) + (t >= 200)),
    ),
    ("exponential", {"factor": 0.9}, lambda t: 0.9 ** (t // PER_EPOCH)),
    ("luong", {}, lambda t: 0.5 ** max(0, t // PER_EPOCH - 4)),
    ("luong", {"after": 8, "factor": 0.7}, lambda t: 0.7 ** max(0, t // PER_EPOCH - 7)),
    ("noam", {"warmup_steps": 40}, lambda t: 512**-0.5 * min((t + 1) ** -0.5, (t + 1) * 40**-1.5)),
    ("noam", {"model_size": 64, "warmup_steps": 1}, lambda t: 64**-0.5 * (t + 1) ** -0.5),
    ("inverse_sqrt", {"warmup_steps": 40}, lambda t: (t + 1) / 40 if t < 40 else math.sqrt(40 / (t + 1))),
    ("inverse_sqrt", {"warmup_steps": 0}, lambda t: (t + 1) ** -0.5),
    ("warm_restarts", {"period": 3, "growth": 2.0}, lambda t: restarts(t, 3, 2, 0)),
    ("warm_restarts", {"period": 0.5, "growth": 1.0, "min_lr_factor": 0.1}, lambda t: restarts(t, 0.5, 1, 0.1)),
    ("warm_restarts", {"period": 1.7, "growth": 1.5, "min_lr_factor": 0.2}, lambda t: restarts(t, 1.7, 1.5, 0.2)),
    ("cyclic", {}, lambda t: triangular(t, 4, 0.1)),
    ("cyclic", {"rise": 2.5, "min_lr_factor": 0.0}, lambda t: triangular(t, 2.5, 0.0)),
    ("cyclic", {"shape": "triangular2"}, lambda t: triangular(t, 4, 0.1, 0.5 ** (t // 80))),
    ("cyclic", {"shape": "exp_range", "decay": 0.99}, lambda t: triangular(t, 4, 0.1, 0.99**t)),
    ("one_cycle", {}, one_cycle),
    ("one_cycle", {"rise": 0.5, "shape": "linear", "start_factor": 0.1}, lambda t: one_cycle(t, 0.5, 0.1, linear=True)),
    ("one_cycle", {"rise": 0.0, "end_factor": 0.1}, lambda t: one_cycle(t, 0.0, end=0.1)),
]
ids = [f"{name}-{options}" for name, options, _ in CASES]


def built(name: str, options: dict) -> tuple[torch.optim.Optimizer, object, str]:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in RATES]
    optimizer = torch.optim.SGD(groups, momentum=0.5)
    component = next(one for one in zoo.components("schedule") if one.name == name)
    known = {key: value for key, value in FACTS.items() if key in component.load().__annotations__}
    schedule = zoo.build("schedule", name, optimizer=optimizer, **known, **options)
    return optimizer, schedule, getattr(component.load(), "interval", "step")


def advance(optimizer, schedule, interval, steps) -> list[list[float]]:
    rates = []
    for step in steps:
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if interval == "step" or (step + 1) % PER_EPOCH == 0:
            schedule.step()
    return rates


@pytest.mark.parametrize(("name", "options", "factor"), CASES, ids=ids)
def test_every_rate_is_the_closed_forms_share_of_its_groups_own(name, options, factor):
    rates = advance(*built(name, options), range(STEPS))
    for t, pair in enumerate(rates):
        assert pair == pytest.approx([rate * factor(t) for rate in RATES], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("at", [1, 37, 150])
@pytest.mark.parametrize(("name", "options"), [case[:2] for case in CASES], ids=ids)
def test_going_on_from_plain_state_is_going_on(name, options, at, tmp_path):
    optimizer, schedule, interval = built(name, options)
    advance(optimizer, schedule, interval, range(at))
    torch.save([optimizer.state_dict(), schedule.state_dict()], tmp_path / "state.pt")
    expected = advance(optimizer, schedule, interval, range(at, STEPS))
    optimizer, schedule, interval = built(name, options)
    states = torch.load(tmp_path / "state.pt", weights_only=True)
    optimizer.load_state_dict(states[0])
    schedule.load_state_dict(states[1])
    assert advance(optimizer, schedule, interval, range(at, STEPS)) == expected


TORCHS = [
    ("multistep", {"milestones": [3, 7]}, lambda o: lr_scheduler.MultiStepLR(o, [3, 7])),
    ("exponential", {"factor": 0.9}, lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    ("polynomial", {"power": 1.5}, lambda o: lr_scheduler.PolynomialLR(o, STEPS, 1.5)),
    ("cosine", {}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
    ("warm_restarts", {"period": 3}, lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 30, 2)),
    ("cyclic", {}, lambda o: lr_scheduler.CyclicLR(o, 0.03, 0.3, 40, cycle_momentum=False)),
    (
        "cyclic",
        {"shape": "triangular2"},
        lambda o: lr_scheduler.CyclicLR(o, 0.03, 0.3, 40, mode="triangular2", cycle_momentum=False),
    ),
]


@pytest.mark.parametrize(("name", "options", "theirs"), TORCHS, ids=[f"{one[0]}-{one[1]}" for one in TORCHS])
def test_torchs_schedule_of_the_same_name_has_the_same_rates(name, options, theirs):
    optimizer, schedule, interval = built(name, options)
    mine = [pair[0] for pair in advance(optimizer, schedule, interval, range(STEPS))]
    other = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=RATES[0])
    assert mine == pytest.approx(
        [pair[0] for pair in advance(other, theirs(other), interval, range(STEPS))], rel=1e-6, abs=1e-9
    )


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize("kind", ["momentum", "betas"])
def test_one_cycle_is_torchs_with_momentum_too(shape, kind):
    """torch turns at step share·T - 1, and ours at share·(T - 1), so that torch's share is moved for one turn."""
    found = []
    for mine in (True, False):
        parameters = [nn.Parameter(torch.zeros(1))]
        optimizer = torch.optim.SGD(parameters, 0.3, 0.9) if kind == "momentum" else torch.optim.Adam(parameters, 0.3)
        if mine:
            options = {"rise": 0.5, "shape": shape, "momentum": [0.85, 0.95]}
            schedule = zoo.build("schedule", "one_cycle", optimizer=optimizer, total_steps=101, **options)
        else:
            turn = (0.5 * 100 + 1) / 101
            strategy = {"cosine": "cos", "linear": "linear"}[shape]
            schedule = lr_scheduler.OneCycleLR(
                optimizer, 0.3, 101, pct_start=turn, anneal_strategy=strategy, div_factor=25, final_div_factor=1e4
            )
        path = []
        for _ in range(100):
            group = optimizer.param_groups[0]
            path.append((group["lr"], group["momentum"] if kind == "momentum" else group["betas"][0]))
            optimizer.step()
            schedule.step()
        found.append(path)
    for a, b in zip(*found, strict=True):
        assert a == pytest.approx(b, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cyclic", {"decay": 0.9}, "decay: shape=triangular has none"),
        ("one_cycle", {"momentum": [0.95, 0.85]}, r"momentum: 0\.95 is above 0\.85"),
        ("multistep", {"milestones": []}, r"schedule\.milestones"),
        ("multistep", {}, "needs milestones"),
        ("exponential", {"factor": 0.0}, r"schedule\.factor"),
    ],
)
def test_options_that_make_no_sense_are_refused(name, options, message):
    with pytest.raises(zoo.errors.ZooError, match=message):
        built(name, options)


def test_a_momentum_that_the_optimizer_has_not_is_refused():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(zoo.errors.ZooError, match="momentum: the optimizer has none"):
        zoo.build("schedule", "one_cycle", optimizer=optimizer, total_steps=9, momentum=[0.8, 0.9])


@pytest.mark.parametrize(("name", "options", "factor"), CASES, ids=ids)
def test_a_trace_is_what_training_would_use(name, options, factor):
    component = next(one for one in zoo.components("schedule") if one.name == name)
    known = {key: value for key, value in FACTS.items() if key in component.load().__annotations__}
    rates = trace(
        lambda optimizer: zoo.build("schedule", name, optimizer=optimizer, **known, **options),
        STEPS,
        lr=0.3,
        interval=getattr(component.load(), "interval", "step"),
        steps_per_epoch=PER_EPOCH,
    )
    assert rates == pytest.approx([0.3 * factor(t) for t in range(STEPS)], rel=1e-9, abs=1e-12)


def test_a_trace_of_a_plateau_follows_what_is_watched():
    rates = trace(
        lambda optimizer: zoo.build("schedule", "plateau", optimizer=optimizer, mode="min", patience=0, factor=0.5),
        8,
        interval="validation",
        steps_per_epoch=2,
        watched=[3.0, 2.0, 2.0],
    )
    assert rates == [1.0] * 6 + [0.5] * 2
