"""Fine-tuning through a run: what it says, what it checks, where initial weights come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.errors import ConfigError, ZooError
from zoo.harness.assembly import assemble, build_data, preflight
from zoo.harness.evaluation import evaluate
from zoo.harness.run import load


@pytest.fixture
def weights(tmp_path: Path, model: Any) -> Path:
    """A file of weights of the tiny backbone."""
    path = tmp_path / "weights.pt"
    torch.save(model.backbone.state_dict(), path)
    return path


def test_a_run_says_what_changed_and_what_did_not(
    train: Callable[..., Any], capsys: pytest.CaptureFixture[str], weights: Path
) -> None:
    train("finetune=head", f"model.weights={weights}")
    said = capsys.readouterr().err
    assert "finetune: head changed; stem, layer1, layer2 frozen to the bit" in said
    assert "finetune: the loss at step 0 was 1." in said
    assert "that of a guess 1.099" in said
    assert "warning" not in said.lower()


def test_frozen_stages_of_the_best_checkpoint_are_those_of_the_file_to_the_bit(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]], weights: Path
) -> None:
    run = train("finetune=head", f"model.weights={weights}", "callback=[ema,swa]", "callback.swa.start=1")
    given = torch.load(weights, weights_only=True)
    for name in ("last", "best"):
        content = checkpoint(run.dir, name)["state_dict"]
        assert all(torch.equal(content[f"model.backbone.{key}"], value) for key, value in given.items())


def test_a_head_that_learns_nothing_is_warned_of(train: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    train("finetune=head", "optimizer.lr=0")
    said = capsys.readouterr().err
    assert "head is what it was" in said
    assert "warning: the head has learned nothing" in said


def test_a_frozen_stage_that_something_writes_to_is_warned_of(
    train: Callable[..., Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.tasks.task import Task

    def and_write(self: Task, *arguments: Any) -> None:
        with torch.no_grad():
            next(self.model.parameters()).add_(1e-6)

    monkeypatch.setattr(Task, "on_before_zero_grad", and_write)
    train("finetune=head")
    assert "warning: stem was to stay frozen and has changed" in capsys.readouterr().err


def test_a_first_loss_far_from_that_of_a_guess_is_warned_of(
    train: Callable[..., Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.tasks.task import Task

    predict = Task.predict_from
    monkeypatch.setattr(Task, "predict_from", lambda self, inputs: 100 * predict(self, inputs))
    train("finetune=head", "trainer.max_epochs=1")
    said = capsys.readouterr().err
    assert "warning: the loss at step 0 was" in said
    assert "that of a guess 1.099" in said


def test_stages_that_the_run_is_too_short_for_are_named(
    train: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    train("finetune=gradual", "trainer.max_epochs=2")
    said = capsys.readouterr().err
    assert "note: finetune=gradual: stem, layer1 would train from epoch 3 on, and the run ends after 2" in said
    assert "finetune: head changed; stem, layer1 frozen to the bit" in said


def test_a_resumed_run_that_only_had_to_be_tested_says_the_same(
    train: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from zoo.harness.training import resume

    run = train("finetune=gradual", "finetune.every=2")
    first = [line for line in capsys.readouterr().err.splitlines() if line.startswith("finetune: ")]
    (run.dir / "metrics.json").unlink()
    resume(run.dir)
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("finetune: ")] == first
    assert first[0] == "finetune: head changed; stem, layer1 frozen to the bit"


def test_without_finetune_nothing_is_frozen_and_nothing_said(
    train: Callable[..., Any], capsys: pytest.CaptureFixture[str], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    run = train()
    assert "finetune" not in capsys.readouterr().err
    assert "finetuning" not in checkpoint(run.dir)
    assert [group["name"] for group in checkpoint(run.dir)["optimizer_states"][0]["param_groups"]] == [
        "decay",
        "no_decay",
    ]


def test_a_missing_file_of_weights_is_an_error_before_there_is_a_run_folder(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        train("finetune=head", "model.weights=nowhere.pt")
    assert not (tmp_path / "run").exists()


def test_weights_are_needed_by_a_new_run_alone(
    train: Callable[..., Any], composed: Callable[..., dict[str, Any]], weights: Path
) -> None:
    run = train("finetune=head", f"model.weights={weights}")
    config = composed("finetune=head", "model.weights=nowhere.pt")
    data = build_data(config)
    data.setup()
    config = preflight(config, data)
    assemble(config, data.facts, data, train=False)
    weights.unlink()
    assert evaluate(str(run.dir))["test/loss"] == pytest.approx(run.metrics["test/loss"])
    assert len(load(run.dir).predict([torch.zeros(3, 8, 8)])) == 1


def test_data_are_told_what_the_model_s_inputs_look_like(train: Callable[..., Any]) -> None:
    run = train("finetune=head", "model.side=16", "trainer.max_epochs=1")
    prepared = load(run.dir).data.prepared
    assert (prepared["size"], prepared["mean"]) == (16, [0.485, 0.456, 0.406])


def test_class_weights_of_the_data_reach_the_loss_unless_the_user_sets_some(
    composed: Callable[..., dict[str, Any]],
) -> None:
    def weight(*words: str) -> Any:
        config = composed("loss=cross_entropy", *words)
        data = build_data(config)
        data.setup()
        return assemble(preflight(config, data), data.facts, data).loss.weight

    assert weight() is None
    assert weight("data.balance=true").tolist() == [1, 2, 3]
    assert weight("data.balance=true", "loss.class_weights=[3,1,1]").tolist() == [3, 1, 1]


def test_a_model_for_sequences_is_refused(tmp_path: Path) -> None:
    config = zoo.compose(["data=copy", "model=luong", "finetune=head"])
    with pytest.raises(ConfigError, match=r"finetune=head: a model for sequences has no stages.*leave it out"):
        zoo.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["finetune=schedule"], "finetune.phases"),
        (["finetune=full", "finetune.factor=0"], "finetune.factor"),
        (["finetune=head", "finetune.factor=0.1"], "finetune.factor: no such option"),
        (["finetune=schedule", "finetune.phases=[{train: layer9}]"], "no stage 'layer9'; the stages are stem, layer1"),
        (["finetune=schedule", "finetune.phases=[{train: all, optimizer: adamm}]"], "adamm"),
        (["finetune=schedule", "finetune.phases=[{train: all, optimizer: {name: sgd, momentums: 1}}]"], "momentums"),
        (["finetune=schedule", "finetune.phases=[{train: all, schedule: {name: cosine, min: 1}}]"], "schedule.min"),
        (["finetune=gradual", "finetune.factor=0.5", "optimizer=lbfgs"], "LBFGS has one learning rate for all stages"),
    ],
)
def test_what_cannot_be_is_an_error_before_there_is_a_run_folder(
    words: list[str], problem: str, train: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ZooError) as error:
        train(*words)
    assert problem in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_table_s_network_can_be_fine_tuned_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data=iris", "model=mlp", "finetune=head", "logger=[]", "report=false", "trainer.accelerator=cpu"]
    zoo.train(zoo.compose([*words, "trainer.devices=1", "trainer.max_epochs=1"]), tmp_path / "run")
    assert "finetune: head changed; backbone frozen to the bit" in capsys.readouterr().err


def test_a_phase_whose_schedule_waits_for_validation_needs_some(tmp_path: Path) -> None:
    words = ["data=iris", "model=mlp", "data.val=0", "finetune=schedule", "logger=[]", "report=false"]
    config = zoo.compose([*words, "finetune.phases=[{epochs: 1, train: head}, {train: all, schedule: plateau}]"])
    with pytest.raises(ConfigError, match=r"finetune\.phases: a schedule watches validation"):
        zoo.train(config, tmp_path / "run")
