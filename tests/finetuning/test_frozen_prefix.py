"""The stages whose outputs can be computed once for all, and training from them on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from zoo.finetuning.finetuning import Finetuning
from zoo.finetuning.lora import LoRA
from zoo.finetuning.strategies import Full, Gradual, Head, Schedule
from zoo.losses.classification import CrossEntropy
from zoo.models.mlp import MLP
from zoo.tasks.classification import Classification

CASES = {
    "head alone": (Head(), "pool"),
    "head alone, but statistics move": (Head(batch_norm="train"), None),
    "all some time": (Full(), None),
    "one after the other": (Gradual(), None),
    "never the first two": (Schedule([{"epochs": 1, "train": "head"}, {"train": ["layer2", "head"]}]), "layer1"),
    "not the first, but one before": (Schedule([{"epochs": 1, "train": "stem"}, {"train": "head"}]), None),
}


@pytest.mark.parametrize("case", CASES)
def test_it_ends_before_the_first_stage_that_ever_trains(case: str, model: Any) -> None:
    strategy, expected = CASES[case]
    assert Finetuning(model, strategy, None).frozen_prefix == expected


@pytest.mark.parametrize(("targets", "expected"), [("all", None), (["backbone.layer2.*"], "layer1")])
def test_it_ends_before_the_first_adapter(targets: Any, expected: str | None, model: Any) -> None:
    pytest.importorskip("peft")
    strategy = LoRA(rank=2, targets=targets)
    strategy.prepare(model)
    assert Finetuning(model, strategy, None).frozen_prefix == expected


def test_a_model_that_runs_as_a_whole_has_none() -> None:
    assert Finetuning(MLP(4, 3), Head(), None).frozen_prefix is None


@pytest.mark.parametrize("after", ["stem", "layer1", "pool"])
def test_a_task_goes_on_from_what_frozen_stages_have_computed(after: str, model: Any) -> None:
    facts = {"problem": "multiclass", "num_classes": 3}
    task = Classification(model, CrossEntropy(), None, None, {}, facts)
    task.course.finetune(Finetuning(model, Head(), None), task.course.segments)
    images = torch.randint(0, 255, (4, 3, 8, 8), dtype=torch.uint8)
    task.train()
    expected = task.predict_from(images)
    features = model.run(images, upto=after).detach()
    finetuning = task.course.finetuning
    assert finetuning is not None
    finetuning.after = after
    torch.testing.assert_close(task.predict_from(features), expected)
