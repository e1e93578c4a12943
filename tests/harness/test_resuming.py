"""A run that was killed and resumed ends, bit for bit, where an uninterrupted one ends."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.errors import ConfigError, RunError
from zoo.harness.checkpointing import Checkpoints
from zoo.harness.training import resume
from zoo.testing.nested import difference

EVERY_STEP = "checkpoint.every_n_steps=1"
SETTINGS = {
    "dropout, cosine, clipping": (
        "model.dropout=0.3",
        "schedule=cosine",
        "trainer.gradient_clip_val=0.1",
        "trainer.log_every_n_steps=2",
        "callback=early_stopping",
        EVERY_STEP,
    ),
    "batch normalisation, plateau, two validations an epoch": (
        "model.norm=batch",
        "schedule=plateau",
        "schedule.patience=0",
        "optimizer=sgd",
        "optimizer.lr=0.5",
        "optimizer.momentum=0.9",
        "trainer.val_check_interval=0.5",
        "trainer.log_every_n_steps=3",
        EVERY_STEP,
    ),
    "accumulated gradients, schedule by epoch": (
        "model.dropout=0.5",
        "trainer.accumulate_grad_batches=2",
        "trainer.max_epochs=4",
        "schedule=step",
        "trainer.log_every_n_steps=1",
        EVERY_STEP,
    ),
    "accumulated gradients, two validations an epoch, warmup": (
        "model.dropout=0.5",
        "data.batch_size=10",
        "trainer.max_epochs=2",
        "trainer.accumulate_grad_batches=3",
        "trainer.val_check_interval=0.5",
        "schedule=warmup",
        EVERY_STEP,
    ),
    "early stopping that stops, best by accuracy": (
        "trainer.max_epochs=30",
        "data.batch_size=50",
        "optimizer.lr=0.02",
        "callback=early_stopping",
        "callback.early_stopping.patience=1",
        "checkpoint.monitor=val/accuracy",
        "checkpoint.mode=max",
        EVERY_STEP,
    ),
    "stopped within an epoch, validated every other epoch": (
        "trainer.max_epochs=-1",
        "trainer.max_steps=13",
        "trainer.check_val_every_n_epoch=2",
        "model.dropout=0.1",
        EVERY_STEP,
    ),
    "a mean of weights that validation sees": ("optimizer=schedule_free", "trainer.val_check_interval=0.5", EVERY_STEP),
    "slow weights": ("optimizer=lookahead", "optimizer.inner={name: sgd, momentum: 0.9}", "optimizer.k=3", EVERY_STEP),
    "two evaluations a step": ("optimizer=sam", "model.dropout=0.3", EVERY_STEP),
    "another optimizer from an epoch on": ("optimizer=switch", "optimizer.when=epoch", "optimizer.at=1", EVERY_STEP),
    "regression, batches left out": (
        "data=diabetes",
        "data.batch_size=64",
        "loss=huber",
        "model.dropout=0.2",
        "trainer.limit_train_batches=3",
        "checkpoint.every_n_steps=2",
    ),
}


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Copies of the run folder before each batch: what a kill at that moment would leave."""
    copies: list[Path] = []
    hook = Checkpoints.on_train_batch_start

    def and_copy(self: Checkpoints, *arguments: Any) -> None:
        hook(self, *arguments)
        copies.append(tmp_path / f"killed-{len(copies)}")
        shutil.copytree(self.folder.path, copies[-1])

    monkeypatch.setattr(Checkpoints, "on_train_batch_start", and_copy)
    return copies


@pytest.mark.parametrize("setting", SETTINGS)
def test_resumed_after_a_kill_at_any_step_equals_uninterrupted(
    setting: str,
    train: Callable[..., Any],
    killed_at: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: Callable[..., dict[str, Any]],
    assert_same_end: Callable[..., None],
) -> None:
    whole = train(*SETTINGS[setting])
    monkeypatch.undo()
    steps = {checkpoint(folder)["global_step"]: folder for folder in killed_at if _has_checkpoint(folder)}
    stride = 2 if "checkpoint.every_n_steps=2" in SETTINGS[setting] else 1
    assert list(steps) == list(range(stride, int(whole.metrics["train/steps"]), stride))
    for folder in steps.values():
        resume(folder)
        assert_same_end(whole.dir, folder)


def _has_checkpoint(folder: Path) -> bool:
    return (folder / "checkpoints" / "last.ckpt").exists()


def test_the_early_stopping_setting_stops_early(train: Callable[..., Any]) -> None:
    assert train(*SETTINGS["early stopping that stops, best by accuracy"]).metrics["train/epochs"] < 30


def test_a_run_killed_before_its_first_checkpoint_starts_over(
    train: Callable[..., Any], killed_at: list[Path], assert_same_end: Callable[..., None]
) -> None:
    whole = train("model.dropout=0.3")
    folder = killed_at[7]
    assert not _has_checkpoint(folder)
    resume(folder)
    assert_same_end(whole.dir, folder)


def test_logs_that_are_ahead_of_the_checkpoint_are_cut(
    train: Callable[..., Any], killed_at: list[Path], assert_same_end: Callable[..., None]
) -> None:
    whole = train("trainer.log_every_n_steps=1", "checkpoint.every_n_steps=4")
    folder = killed_at[6]
    with (folder / "logs" / "metrics.csv").open("a") as file:
        file.write("5,0.25,0.001\n6,0.5,0.0")
    resume(folder)
    assert_same_end(whole.dir, folder)


def test_resumed_with_loader_workers_equals_uninterrupted(
    train: Callable[..., Any], killed_at: list[Path], assert_same_end: Callable[..., None]
) -> None:
    whole = train("data.num_workers=1", "model.dropout=0.3", EVERY_STEP, "trainer.max_epochs=2")
    for folder in (killed_at[3], killed_at[5]):
        resume(folder)
        assert_same_end(whole.dir, folder)


def test_resumed_twice_equals_uninterrupted(
    train: Callable[..., Any],
    killed_at: list[Path],
    assert_same_end: Callable[..., None],
) -> None:
    whole = train("model.dropout=0.3", EVERY_STEP)
    before = len(killed_at)
    resume(killed_at[4])
    again = killed_at[before + 5]
    resume(again)
    assert_same_end(whole.dir, again)


LIMITS = {
    "epochs": (["trainer.max_epochs=2"], "trainer.max_epochs", 4),
    "steps, from within an epoch": (["trainer.max_epochs=-1", "trainer.max_steps=7"], "trainer.max_steps", 13),
    "steps, from the edge of an epoch": (["trainer.max_epochs=-1", "trainer.max_steps=5"], "trainer.max_steps", 12),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_finished_run_trained_longer_equals_one_that_was_longer_from_the_start(
    limit: str,
    train: Callable[..., Any],
    checkpoint: Callable[..., dict[str, Any]],
    results: Callable[[Path], dict[str, float]],
) -> None:
    short, key, more = LIMITS[limit]
    extended = train("model.dropout=0.3", *short, folder="extended")
    assert resume(extended.dir, {key: more}).metrics["train/steps"] > extended.metrics["train/steps"]
    whole = train("model.dropout=0.3", *short, f"{key}={more}", folder="whole")
    for part in ("state_dict", "optimizer_states", "zoo"):
        assert difference(checkpoint(whole.dir)[part], checkpoint(extended.dir)[part], part) is None
    assert difference(checkpoint(whole.dir, "best"), checkpoint(extended.dir, "best")) is None
    assert results(whole.dir) == results(extended.dir)


def test_a_longer_training_that_is_killed_goes_on_without_being_told_again(
    train: Callable[..., Any], killed_at: list[Path], assert_same_end: Callable[..., None]
) -> None:
    run = train(EVERY_STEP, "trainer.max_epochs=2")
    before = len(killed_at)
    resume(run.dir, {"trainer.max_epochs": 4})
    folder = killed_at[before + 4]
    resume(folder)
    assert_same_end(run.dir, folder)


def test_resuming_a_finished_run_changes_nothing_and_says_so(
    train: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run = train()
    before = {path: path.stat().st_mtime_ns for path in run.dir.rglob("*")}
    assert resume(run.dir).metrics == run.metrics
    assert {path: path.stat().st_mtime_ns for path in run.dir.rglob("*")} == before
    assert "finished" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["optimizer.lr", "seed", "trainer.accumulate_grad_batches", "trainer", "max_epochs"])
def test_nothing_but_the_length_can_change_when_resuming(key: str, train: Callable[..., Any]) -> None:
    run = train("trainer.max_epochs=1")
    before = (run.dir / "config.yaml").read_text()
    with pytest.raises(ConfigError, match=key):
        resume(run.dir, {key: 2})
    assert (run.dir / "config.yaml").read_text() == before


def test_a_damaged_last_checkpoint_is_named_and_the_previous_one_used(
    train: Callable[..., Any],
    killed_at: list[Path],
    capsys: pytest.CaptureFixture[str],
    assert_same_end: Callable[..., None],
) -> None:
    whole = train("model.dropout=0.3", EVERY_STEP)
    halved, flipped, empty = killed_at[4], killed_at[8], killed_at[10]
    last = halved / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    last = flipped / "checkpoints" / "last.ckpt"
    content = bytearray(last.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 512] = bytes(512)
    last.write_bytes(content)
    (empty / "checkpoints" / "last.ckpt").write_bytes(b"")
    for folder, step in ((halved, 3), (flipped, 7), (empty, 9)):
        resume(folder)
        said = capsys.readouterr().err
        assert str(folder / "checkpoints" / "last.ckpt") in said
        assert "damaged" in said
        assert f"step {step} " in said
        assert_same_end(whole.dir, folder)


def test_a_run_without_a_readable_checkpoint_says_so(train: Callable[..., Any], killed_at: list[Path]) -> None:
    train(EVERY_STEP, "trainer.max_epochs=1")
    for name in ("last", "previous"):
        (killed_at[3] / "checkpoints" / f"{name}.ckpt").write_bytes(b"PK broken")
    with pytest.raises(RunError, match=r"no checkpoint of it can be read.*last\.ckpt.*previous\.ckpt"):
        resume(killed_at[3])


def test_resuming_restores_the_random_state_of_the_process(
    train: Callable[..., Any], killed_at: list[Path], assert_same_end: Callable[..., None]
) -> None:
    """Whatever this process drew before resuming does not matter."""
    whole = train("model.dropout=0.3", EVERY_STEP)
    torch.manual_seed(123)
    torch.rand(17)
    resume(killed_at[6])
    assert_same_end(whole.dir, killed_at[6])
