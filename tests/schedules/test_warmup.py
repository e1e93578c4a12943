import math

import pytest
import torch
from torch import nn

import zoo
from zoo.schedules.trace import trace

LR, PER_EPOCH = 0.3, 10


def built(optimizer, total=40, **options):
    return zoo.build(
        "schedule",
        "warmup",
        optimizer=optimizer,
        **{"total_steps": total, "steps_per_epoch": PER_EPOCH, "mode": "min", **options},
    )


def rates(length: int, watched=(), **options) -> list[float]:
    return trace(lambda one: built(one, **options), length, lr=LR, steps_per_epoch=PER_EPOCH, watched=watched)


@pytest.mark.parametrize("after", ["constant", "cosine", "linear"])
@pytest.mark.parametrize(("steps", "rise"), [(0, 0), (8, 8), (0.2, 8), (0.0, 0), (1, 1), (1.0, 40)])
def test_it_rises_in_a_line_and_goes_on_as_told(after, steps, rise):
    floor = 0.0 if after == "constant" else 0.1
    found = rates(40, steps=steps, start_factor=0.2, after=after, min_lr_factor=floor)
    for t, rate in enumerate(found):
        progress = (t - rise) / max(40 - rise, 1)
        if t < rise:
            expected = 0.2 + 0.8 * t / rise
        elif after == "constant":
            expected = 1.0
        elif after == "linear":
            expected = 1 - 0.9 * progress
        else:
            expected = 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2
        assert rate == pytest.approx(LR * expected, rel=1e-12)


def test_a_run_shorter_than_its_rise_ends_while_it_rises():
    assert rates(5, total=5, steps=10, start_factor=0.0) == pytest.approx([LR * t / 10 for t in range(5)], abs=1e-12)


def line(t: int, rise: int) -> float:
    return min(1.0, 0.01 + 0.99 * t / rise)


@pytest.mark.parametrize(
    ("after", "factor"),
    [
        ({"name": "multistep", "milestones": [2, 5], "factor": 0.5}, lambda t: 0.5 ** ((t >= 20) + (t >= 50))),
        ({"name": "step", "every": 1, "factor": 0.9}, lambda t: 0.9 ** (t // PER_EPOCH)),
        ({"name": "luong", "after": 3}, lambda t: 0.5 ** max(0, t // PER_EPOCH - 2)),
    ],
)
def test_a_schedule_of_epochs_counts_those_of_the_run(after, factor):
    found = rates(70, total=70, steps=25, after=after)
    assert found == pytest.approx([LR * factor(t) * line(t, 25) for t in range(70)], rel=1e-12)


@pytest.mark.parametrize(
    ("after", "factor"),
    [
        ({"name": "polynomial", "power": 3.0}, lambda t: (1 - t / 60) ** 3),
        ({"name": "inverse_sqrt", "warmup_steps": 1}, lambda t: (t + 1) ** -0.5),
        ({"name": "cyclic", "rise": 1.0, "min_lr_factor": 0.5}, lambda t: 0.5 + 0.5 * (1 - abs(t / 10 % 2 - 1))),
    ],
)
def test_a_schedule_of_steps_starts_when_the_rise_is_over(after, factor):
    found = rates(70, total=70, steps=10, after=after)
    expected = [factor(0) * line(t, 10) for t in range(10)] + [factor(t) for t in range(60)]
    assert found == pytest.approx([LR * one for one in expected], rel=1e-12)


def test_a_plateau_watches_through_the_rise():
    after = {"name": "plateau", "patience": 0, "factor": 0.5}
    found = rates(60, total=60, steps=25, after=after, watched=[3.0, 3.0, 2.0, 2.0, 1.0])
    lowered = [1.0] * 20 + [0.5] * 20 + [0.25] * 20
    assert found[:59] == pytest.approx([LR * low * line(t, 25) for t, low in enumerate(lowered)][:59], rel=1e-12)


def test_a_schedule_that_multiplies_what_it_finds_is_not_led_astray():
    """torch's own chainable schedules read the learning rate back from the optimizer."""
    from zoo.schedules.warmup import Warmup

    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=LR)
    inner = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    schedule = Warmup(optimizer, inner, "epoch", rise=25, start_factor=0.01, steps_per_epoch=PER_EPOCH)
    for t in range(50):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(LR * 0.9 ** (t // PER_EPOCH) * line(t, 25), rel=1e-9)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("at", [3, 25, 40])
@pytest.mark.parametrize(
    "after", ["cosine", {"name": "multistep", "milestones": [2, 4]}, {"name": "plateau", "patience": 0}]
)
def test_it_resumes_from_plain_state_with_groups_in_proportion(after, at, tmp_path):
    def start():
        groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (0.3, 0.6)]
        optimizer = torch.optim.SGD(groups)
        return optimizer, built(optimizer, total=60, steps=20, after=after)

    def advance(optimizer, schedule, steps):
        path = []
        for step in steps:
            optimizer.step()
            schedule.step()
            if step % PER_EPOCH == 9:
                schedule.validated(1.0)
            path.append([group["lr"] for group in optimizer.param_groups])
            assert path[-1][1] == pytest.approx(2 * path[-1][0], rel=1e-12, abs=1e-15)
        return path

    optimizer, schedule = start()
    advance(optimizer, schedule, range(at))
    torch.save([optimizer.state_dict(), schedule.state_dict()], tmp_path / "state.pt")
    expected = advance(optimizer, schedule, range(at, 60))
    optimizer, schedule = start()
    states = torch.load(tmp_path / "state.pt", weights_only=True)
    optimizer.load_state_dict(states[0])
    schedule.load_state_dict(states[1])
    assert advance(optimizer, schedule, range(at, 60)) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"after": "constant", "min_lr_factor": 0.1}, "min_lr_factor: after=constant has none"),
        ({"after": "cosin"}, r"cosin.*did you mean"),
        ({"after": {"name": "step", "evry": 3}}, r"schedule\.after\.evry: no such option"),
        ({"after": {"name": "step", "every": 0}}, r"schedule\.after\.every: "),
        ({"after": {"name": "multistep"}}, r"schedule\.after\.milestones: must be given"),
    ],
)
def test_what_cannot_follow_is_named(options, message):
    with pytest.raises(zoo.errors.ZooError, match=message):
        rates(3, **options)


def test_what_follows_is_chosen_on_the_command_line():
    words = ["data=iris", "schedule=warmup", "schedule.after={name: multistep, milestones: [3, 5]}"]
    assert zoo.compose(words)["schedule"]["after"] == {"name": "multistep", "milestones": [3, 5]}
