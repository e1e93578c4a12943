"""L2-SP next to the closed form of Li et al. (2018), equations 2 and 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from zoo.finetuning.freezing import Freezing, parts_of
from zoo.finetuning.l2_sp import L2SP
from zoo.finetuning.phases import Phase

EVERYTHING = ("stem", "layer1", "layer2", "head")


@pytest.mark.parametrize("trains", [("head",), ("layer2", "head"), EVERYTHING])
def test_penalty_and_gradient_are_the_closed_form(trains: tuple[str, ...], model: nn.Module) -> None:
    """α/2 ‖w_S - w_S⁰‖² + β/2 ‖w_H‖² over what trains, with gradients α (w - w⁰) and β w, in float64."""
    penalty = L2SP(model, 0.3, 0.7)
    penalty.begin()
    start = {name: one.detach().clone().double() for name, one in model.named_parameters()}
    Freezing(model, [Phase(None, trains)])
    expected = 0.0
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    value = penalty()
    value.backward()
    for part in parts_of(model).values():
        for name, parameter in part.parameters.items():
            if part.name not in trains:
                assert parameter.grad is None
                continue
            scale, away = (0.7, parameter.double()) if part.name == "head" else (0.3, parameter.double() - start[name])
            expected += float(scale / 2 * (away.detach() ** 2).sum())
            torch.testing.assert_close(parameter.grad, (scale * away.detach()).float())
    assert float(value.detach()) == pytest.approx(expected, rel=1e-5)


def test_at_the_start_only_the_head_is_penalised(model: Any) -> None:
    penalty = L2SP(model, 5.0, 2.0)
    penalty.begin()
    head = sum(float((one.detach().double() ** 2).sum()) for one in model.head.parameters())
    assert float(penalty().detach()) == pytest.approx(head, rel=1e-5)


def test_a_start_that_a_checkpoint_knows_is_not_taken_anew(model: nn.Module) -> None:
    penalty = L2SP(model, 1.0, 0.0)
    penalty.begin()
    state = penalty.state_dict()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    again = L2SP(model, 1.0, 0.0)
    again.load_state_dict(state)
    again.begin()
    assert float(again().detach()) == pytest.approx(float(penalty().detach()))
    assert float(again().detach()) > 1


def test_without_a_start_there_is_no_penalty(model: nn.Module) -> None:
    with pytest.raises(RuntimeError, match="no start"):
        L2SP(model, 1.0, 0.0)()


def test_a_strong_pull_keeps_a_run_where_it_started_and_the_logged_losses_know_nothing_of_it(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    words = ("finetune=full", "finetune.frozen_epochs=0", "optimizer=sgd", "optimizer.lr=0.05", "seed=3")
    free = train(*words, folder="free")
    held = train(*words, "finetune.l2_sp=10", folder="held")

    def moved(folder: Any) -> float:
        last = checkpoint(folder)["state_dict"]
        start = checkpoint(held.dir)["finetuning"]["penalty"]
        return sum(float((last[f"model.{name}"] - one).square().sum()) for name, one in start.items())

    assert moved(held.dir) < moved(free.dir) / 3
    for run in (free, held):
        assert run.metrics["val/loss"] < 3
        assert run.metrics["train/epoch_loss"] < 3


def test_the_penalty_is_added_to_what_is_minimised(train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.tasks.task import Task

    seen = []
    step = Task.training_step

    def watched(self: Task, batch: Any, batch_idx: int) -> Any:
        loss = step(self, batch, batch_idx)
        finetuning = self.course.finetuning
        assert finetuning is not None
        assert finetuning.penalty is not None
        seen.append(float(loss.detach()) - float(finetuning.penalty().detach()))
        return loss

    monkeypatch.setattr(Task, "training_step", watched)
    train("finetune=full", "finetune.l2_sp_head=0.5", "finetune.frozen_epochs=0", "trainer.max_epochs=1")
    assert len(seen) == 3
    assert all(0.2 < value < 3 for value in seen)
