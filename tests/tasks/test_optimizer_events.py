"""What a run tells optimizers of, and metrics of several numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.harness.evaluation import evaluate
from zoo.harness.training import Run
from zoo.runs.checkpoints import read_checkpoint

QUIET = ("data=iris", "model=linear", "logger=[]", "report=false", "trainer.accelerator=cpu", "trainer.max_epochs=3")


def trained(folder: Path, *words: str) -> Run:
    return zoo.train(zoo.compose([*QUIET, *words]), folder / "run")


def progress(run: Run) -> dict[str, Any]:
    state = read_checkpoint(run.dir / "checkpoints" / "last.ckpt")["optimizer_states"][0]
    found: dict[str, Any] = state["param_groups"][0]["switch"]
    return found


@pytest.mark.parametrize(("at", "switched"), [(2, True), (9, False)])
def test_a_switch_after_an_epoch_happens_after_that_epoch(tmp_path: Path, at: int, switched: bool) -> None:
    found = progress(trained(tmp_path, "optimizer=switch", "optimizer.when=epoch", f"optimizer.at={at}"))
    assert (found["epochs"], found["switched"]) == (3, switched)


@pytest.mark.parametrize(("rate", "switched"), [(1e-30, True), (0.01, False)])
def test_a_switch_waits_for_progress_to_stop(tmp_path: Path, rate: float, switched: bool) -> None:
    words = ("optimizer.when=plateau", "optimizer.patience=0", f"optimizer.first={{name: sgd, lr: {rate}}}")
    assert progress(trained(tmp_path, "optimizer=switch", *words))["switched"] == switched


def test_a_batch_counts_once_however_often_an_optimizer_looks_at_it(tmp_path: Path) -> None:
    still = [trained(tmp_path / name, f"optimizer={name}", "optimizer.lr=1e-12") for name in ("sgd", "lbfgs")]
    assert still[1].metrics["train/epoch_loss"] == pytest.approx(still[0].metrics["train/epoch_loss"], rel=1e-5)


def test_means_of_weights_are_evaluated_and_kept(tmp_path: Path) -> None:
    run = trained(tmp_path, "optimizer=schedule_free", "optimizer.lr=0.1")
    best, last = (read_checkpoint(run.dir / "checkpoints" / f"{name}.ckpt") for name in ("best", "last"))
    means = last["optimizer_states"][0]["state"]
    weight = best["state_dict"]["model.head.weight"]
    assert any(torch.equal(one["x"], weight) for one in means.values())
    assert not torch.equal(last["state_dict"]["model.head.weight"], weight)
    assert evaluate(str(run.dir), split="val")["test/loss"] == pytest.approx(run.metrics["val/loss"], rel=1e-6)


def test_means_of_weights_need_validation(tmp_path: Path) -> None:
    with pytest.raises(zoo.errors.ZooError, match=r"optimizer=schedule_free: .* no validation examples; set data\.val"):
        trained(tmp_path, "optimizer=schedule_free", "data.val=0")
    with pytest.raises(
        zoo.errors.ZooError, match=r"evaluated and kept by validation, and trainer\.limit_val_batches=0"
    ):
        trained(tmp_path, "optimizer=schedule_free", "trainer.limit_val_batches=0")


@pytest.mark.parametrize("words", ["optimizer=sam", "optimizer=switch optimizer.when=step optimizer.at=3"])
def test_optimizers_made_of_others_need_no_validation(words: str, tmp_path: Path) -> None:
    assert trained(tmp_path, *words.split(), "data.val=0").metrics["train/steps"] > 3


@pytest.mark.parametrize(
    "words",
    [
        "optimizer=switch optimizer.when=plateau",
        "optimizer=sam optimizer.inner={name:switch,when:plateau}",
        "schedule=warmup schedule.after=plateau",
        "schedule=plateau",
    ],
)
def test_what_watches_validation_needs_some_however_deep_it_is(words: str, tmp_path: Path) -> None:
    with pytest.raises(zoo.errors.ZooError, match="watches validation, and there are no validation examples"):
        trained(tmp_path, *words.split(), "data.val=0")
    with pytest.raises(zoo.errors.ZooError, match=r"watches validation, and trainer.limit_val_batches=0 .*; leave it"):
        trained(tmp_path, *words.split(), "trainer.limit_val_batches=0")


def test_a_metric_of_several_numbers_is_measured_by_their_names(tmp_path: Path) -> None:
    run = trained(tmp_path, "data=breast_cancer", "metric=confusion_matrix")
    parts = {name: value for name, value in run.metrics.items() if name.startswith("test/confusion_matrix/")}
    assert set(parts) == {f"test/confusion_matrix/{part}" for part in ("tp", "tn", "fp", "fn")}
    assert sum(parts.values()) == 114
