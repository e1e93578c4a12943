"""What trains when, and with which optimizer and schedule."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.finetuning.lora import LoRA
from zoo.finetuning.phases import Phase, check_phases, distance_factors, phase_at, segment_at, segments
from zoo.finetuning.strategies import Full, Gradual, Head, Schedule

STAGES = ["stem", "layer1", "layer2", "head"]
ADAM, SGD, COSINE = {"name": "adam", "lr": 0.01}, {"name": "sgd"}, {"name": "cosine"}


def trained(strategy: Any, epochs: int) -> list[int]:
    """How many stages train in each epoch."""
    phases = strategy.phases(STAGES, epochs)
    check_phases(phases, STAGES)
    return [len(phases[phase_at(phases, epoch)].train) for epoch in range(epochs)]


def test_the_head_alone_trains_to_the_end() -> None:
    assert Head().phases(STAGES, 9) == [Phase(None, ("head",))]


@pytest.mark.parametrize(("frozen", "expected"), [(0, [4, 4, 4, 4]), (1, [1, 4, 4, 4]), (3, [1, 1, 1, 4])])
def test_everything_trains_after_the_frozen_epochs(frozen: int, expected: list[int]) -> None:
    assert trained(Full(frozen_epochs=frozen), 4) == expected


@pytest.mark.parametrize(("every", "expected"), [(1, [1, 2, 3, 4, 4, 4]), (2, [1, 1, 2, 2, 3, 3, 4])])
def test_one_stage_after_the_other_joins_from_the_head_down(every: int, expected: list[int]) -> None:
    assert trained(Gradual(every=every), len(expected)) == expected
    assert Gradual().phases(STAGES, None)[1].train == ("layer2", "head")


def test_adapters_and_head_train_with_lora() -> None:
    stages = ["stem", "layer1", "layer1 adapters", "layer2", "layer2 adapters", "head"]
    (phase,) = LoRA(factor=0.5).phases(stages, None)
    assert phase.train == ("layer1 adapters", "layer2 adapters", "head")
    assert [phase.factors[one] for one in phase.train] == [0.25, 0.5, 1]


def test_a_stage_s_learning_rate_falls_with_its_distance_from_the_head() -> None:
    assert distance_factors(STAGES, 0.1) == pytest.approx({"stem": 1e-3, "layer1": 1e-2, "layer2": 0.1, "head": 1})


def test_a_list_of_phases_is_taken_as_it_is() -> None:
    entries = [
        {"epochs": 2, "train": "head", "lr": 1e-3},
        {"epochs": 5, "train": ["layer2", "head"]},
        {"train": "all", "optimizer": "sgd", "schedule": {"name": "cosine", "min_lr_factor": 0.1}},
    ]
    first, second, third = Schedule(entries).phases(STAGES, None)
    assert (first.epochs, first.train, first.lr, first.goes_on) == (2, ("head",), 1e-3, False)
    assert (second.epochs, second.train, second.lr, second.goes_on) == (5, ("layer2", "head"), None, True)
    assert (third.epochs, third.train, third.optimizer) == (None, tuple(STAGES), {"name": "sgd"})
    assert third.schedule == {"name": "cosine", "min_lr_factor": 0.1}


WRONG = {
    "another name": ({"epoch": 2, "train": "head"}, r"phases\[0\]\.epoch: no such entry \(did you mean 'epochs'\?\)"),
    "another kind": ({"epochs": 2.5, "train": "head"}, r"phases\[0\]\.epochs: expected 1 or more, got 2\.5"),
    "nothing trains": ({"epochs": 2}, r"phases\[0\]\.train: must be given"),
    "a rate below zero": ({"train": "head", "lr": -1}, r"phases\[0\]\.lr: expected a number, 0 or more, got -1"),
    "a nameless optimizer": ({"train": "head", "optimizer": {"lr": 1}}, r"phases\[0\]\.optimizer: expected a name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_phase_that_cannot_be_says_what_is_wrong_with_it(case: str) -> None:
    entry, problem = WRONG[case]
    with pytest.raises(ValueError, match=problem):
        Schedule([entry])


@pytest.mark.parametrize(
    ("phases", "problem"),
    [
        ([], "there is none"),
        ([Phase(None, ("layer9",))], r"phases\[0\]: no stage 'layer9'; the stages are stem, layer1, layer2, head"),
        ([Phase(None, ())], "nothing trains"),
        ([Phase(None, ("head",)), Phase(None, ("stem",))], r"phases\[0\]: how long"),
    ],
)
def test_phases_that_do_not_fit_the_model_are_refused(phases: list[Phase], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_phases(phases, STAGES)


def test_phases_that_set_nothing_share_one_optimizer_and_one_schedule() -> None:
    (found,) = segments(Gradual().phases(STAGES, None), ADAM, COSINE)
    assert (found.first, found.end, found.lr, found.optimizer, found.schedule) == (0, None, None, ADAM, COSINE)


def test_a_phase_that_sets_something_starts_a_segment_and_others_go_on() -> None:
    phases = [
        Phase(2, ("head",), lr=0.1),
        Phase(3, ("layer2", "head")),
        Phase(4, ("head",), schedule=COSINE),
        Phase(None, ("head",), optimizer=SGD),
    ]
    found = segments(phases, ADAM, None)
    assert [(one.first, one.end) for one in found] == [(0, 5), (5, 9), (9, None)]
    assert [one.lr for one in found] == [0.1, 0.1, None]
    assert [one.schedule for one in found] == [None, COSINE, COSINE]
    assert [one.anew for one in found] == [True, False, True]
    assert [segment_at(found, epoch) for epoch in (0, 4, 5, 8, 9, 99)] == [0, 0, 1, 1, 2, 2]


def test_an_optimizer_that_differs_in_its_learning_rate_alone_keeps_its_state() -> None:
    def completed(node: Any) -> dict[str, Any]:
        return {"lr": 0.001, "weight_decay": 0, **node}

    def second(node: dict[str, Any]) -> Any:
        phases = [Phase(1, ("head",)), Phase(None, ("head",), optimizer=node)]
        return segments(phases, ADAM, None, completed)[1]

    assert (second({"name": "adam", "lr": 0.5}).anew, second({"name": "adam", "lr": 0.5}).lr) == (False, 0.5)
    assert second({"name": "adam", "weight_decay": 0}).anew is False
    assert second({"name": "adam", "weight_decay": 0.1}).anew is True
    assert second({"name": "sgd"}).anew is True


def test_a_learning_rate_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"phases\[0\]: lr is given twice"):
        segments([Phase(None, ("head",), lr=0.1, optimizer={"name": "sgd", "lr": 0.2})], ADAM, None)
