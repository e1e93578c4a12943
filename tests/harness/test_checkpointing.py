"""best.ckpt is the best, last.ckpt is the newest, and both are plain data."""

from __future__ import annotations

import csv
import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import Container

import zoo
from zoo.errors import Interrupted, RunError
from zoo.harness.checkpointing import Checkpoints
from zoo.harness.evaluation import evaluate
from zoo.harness.training import resume

LEARNS_AND_OVERFITS = ("optimizer.lr=0.1", "trainer.max_epochs=12", "model.width=32")


def logged(folder: Path, name: str) -> dict[int, float]:
    """Values of one column of the log by step."""
    with (folder / "logs" / "metrics.csv").open() as file:
        return {int(row["step"]): float(row[name]) for row in csv.DictReader(file) if row.get(name)}


@pytest.mark.parametrize(
    ("monitor", "mode", "choose"), [("val/loss", "min", min), ("val/accuracy", "max", max), ("val/f1", "min", min)]
)
def test_best_is_the_first_best_by_the_monitored_value(
    monitor: str, mode: str, choose: Any, train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    run = train(*LEARNS_AND_OVERFITS, f"checkpoint.monitor={monitor}", f"checkpoint.mode={mode}")
    values = logged(run.dir, monitor)
    assert len(values) == 12
    best_step = choose(values, key=values.__getitem__)
    best = checkpoint(run.dir, "best")
    assert best["global_step"] == run.metrics["best/step"] == best_step
    assert run.metrics[monitor] == pytest.approx(values[best_step])
    for name in ("val/loss", "val/accuracy", "val/f1"):
        assert run.metrics[name] == pytest.approx(logged(run.dir, name)[best_step]), "of the best, not of the last"
    assert evaluate(str(run.dir), split="val")[monitor.replace("val", "test")] == pytest.approx(values[best_step])


def test_the_test_uses_the_best_and_not_the_last(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    run = train(*LEARNS_AND_OVERFITS, "checkpoint.mode=max")
    assert checkpoint(run.dir, "best")["global_step"] < checkpoint(run.dir, "last")["global_step"]
    best = evaluate(str(run.dir / "checkpoints" / "best.ckpt"), split="test")
    last = evaluate(str(run.dir / "checkpoints" / "last.ckpt"), split="test")
    assert run.metrics["test/loss"] == best["test/loss"] != last["test/loss"]


def values_in(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from values_in(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from values_in(value)


@pytest.mark.parametrize("name", ["best", "last"])
def test_checkpoints_hold_plain_data_and_tensors_only(name: str, train: Callable[..., Any]) -> None:
    run = train("schedule=plateau", "callback=early_stopping", "model.norm=batch", "data=diabetes")
    for mapped in ({}, {"map_location": "meta"}):
        content = torch.load(run.dir / "checkpoints" / f"{name}.ckpt", weights_only=True, **mapped)
    content = torch.load(run.dir / "checkpoints" / f"{name}.ckpt", weights_only=False)
    for value in values_in(content):
        assert not isinstance(value, Container | np.ndarray | np.generic | Path), value
        assert isinstance(value, dict | list | tuple | set | str | int | float | bool | bytes | None | torch.Tensor)


def test_last_is_written_every_so_many_steps_and_at_the_end(
    train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = Checkpoints._write_last

    def noted(self: Checkpoints, trainer: Any, batches_done: int) -> None:
        written.append(trainer.global_step)
        write(self, trainer, batches_done)

    monkeypatch.setattr(Checkpoints, "_write_last", noted)
    train("checkpoint.every_n_steps=4", folder="steps")
    assert written == [4, 8, 12, 15]
    written.clear()
    train("checkpoint.every_n_seconds=0", folder="always")
    assert written == list(range(1, 16))
    written.clear()
    train("checkpoint.every_n_seconds=3600", folder="seldom")
    assert written == [15]
    written.clear()
    train("checkpoint.every_n_seconds=null", "checkpoint.every_n_steps=10", folder="steps-only")
    assert written == [10, 15]


def test_the_two_newest_checkpoints_are_kept(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    run = train("checkpoint.every_n_steps=4")
    assert checkpoint(run.dir, "last")["global_step"] == 15
    assert checkpoint(run.dir, "previous")["global_step"] == 12
    names = {path.name for path in (run.dir / "checkpoints").iterdir()}
    assert names == {"best.ckpt", "last.ckpt", "previous.ckpt"}


def test_a_monitored_value_that_is_never_a_number_still_gives_a_best(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    run = train("optimizer=sgd", "optimizer.lr=1e30", "trainer.max_epochs=2")
    assert "best/step" in run.metrics
    assert checkpoint(run.dir, "best")["state_dict"].keys()


class Stop:
    """Sends this process a signal when training reaches a step, and again so many times."""

    def __init__(self, number: int, step: int, times: int = 1) -> None:
        self.number, self.step, self.times = number, step, times

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from zoo.tasks.task import Task

        training_step = Task.training_step

        def training_step_with_signal(task: Task, batch: Any, batch_idx: int) -> Any:
            if task.trainer.global_step == self.step and self.times:
                times, self.times = self.times, 0
                for _ in range(times):
                    os.kill(os.getpid(), self.number)
            return training_step(task, batch, batch_idx)

        monkeypatch.setattr(Task, "training_step", training_step_with_signal)


@pytest.mark.parametrize(("number", "step"), [(signal.SIGINT, 0), (signal.SIGTERM, 4), (signal.SIGINT, 7)])
def test_a_signal_ends_the_current_step_saves_and_says_how_to_go_on(
    number: int,
    step: int,
    train: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: Callable[..., dict[str, Any]],
    assert_same_end: Callable[..., None],
) -> None:
    whole = train("model.dropout=0.3", folder="whole")
    Stop(number, step).patch(monkeypatch)
    with pytest.raises(Interrupted, match=rf"step {step + 1}; continue with resume={tmp_path / 'stopped'}$"):
        train("model.dropout=0.3", folder="stopped")
    monkeypatch.undo()
    assert checkpoint(tmp_path / "stopped")["global_step"] == step + 1
    resume(tmp_path / "stopped")
    assert_same_end(whole.dir, tmp_path / "stopped")


def test_a_signal_while_gradients_accumulate_waits_for_the_optimizer_step(
    train: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: Callable[..., dict[str, Any]],
    assert_same_end: Callable[..., None],
) -> None:
    whole = train("trainer.accumulate_grad_batches=3", folder="whole")
    Stop(signal.SIGINT, 2).patch(monkeypatch)
    with pytest.raises(Interrupted):
        train("trainer.accumulate_grad_batches=3", folder="stopped")
    monkeypatch.undo()
    assert checkpoint(tmp_path / "stopped")["global_step"] == 3
    resume(tmp_path / "stopped")
    assert_same_end(whole.dir, tmp_path / "stopped")


def test_a_second_signal_ends_at_once_and_what_was_logged_is_not_logged_twice(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, assert_same_end: Callable[..., None]
) -> None:
    Stop(signal.SIGINT, 7, times=2).patch(monkeypatch)
    with pytest.raises(Interrupted, match="at once"):
        train("model.dropout=0.3", folder="stopped")
    monkeypatch.undo()
    resume(tmp_path / "stopped")
    assert_same_end(train("model.dropout=0.3", folder="whole").dir, tmp_path / "stopped")


def fail(*arguments: Any, **options: Any) -> None:
    raise RuntimeError("boom")


@pytest.mark.parametrize("hook", ["test_step", "on_test_epoch_end"])
def test_stopped_while_testing_the_run_can_be_resumed_to_the_same_end(
    hook: str,
    train: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    assert_same_end: Callable[..., None],
) -> None:
    from zoo.tasks.task import Task

    def ctrl_c(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    whole = train("model.dropout=0.3", folder="whole")
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(Task, hook, ctrl_c)
    with pytest.raises(Interrupted, match=rf"continue with resume={tmp_path / 'stopped'}$"):
        train("model.dropout=0.3", folder="stopped")
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "stopped" / "metrics.json").exists()
    resume(tmp_path / "stopped")
    assert_same_end(whole.dir, tmp_path / "stopped")


@pytest.mark.parametrize("end", ["finished", "stopped", "failed"])
def test_signals_are_as_before_when_training_is_over(
    end: str, train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    if end == "finished":
        train()
    elif end == "stopped":
        Stop(signal.SIGINT, 4).patch(monkeypatch)
        with pytest.raises(Interrupted):
            train()
    else:
        monkeypatch.setattr(Checkpoints, "on_validation_end", fail)
        with pytest.raises(RuntimeError, match="boom"):
            train()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_with_a_full_disk_training_ends_in_one_line_and_can_go_on_later(
    train: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint: Callable[..., dict[str, Any]],
    assert_same_end: Callable[..., None],
) -> None:
    whole = train("checkpoint.every_n_steps=3", folder="whole")
    save, calls = torch.save, iter(range(99))

    def fills_up(*arguments: Any, **options: Any) -> None:
        if next(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(*arguments, **options)

    monkeypatch.setattr(torch, "save", fills_up)
    with pytest.raises(RunError, match="No space left on device") as caught:
        train("checkpoint.every_n_steps=3", folder="full")
    assert f"resume={tmp_path / 'full'}" in str(caught.value)
    monkeypatch.undo()
    assert checkpoint(tmp_path / "full")["global_step"] in (3, 6)
    resume(tmp_path / "full")
    assert_same_end(whole.dir, tmp_path / "full")


def test_a_callback_that_keeps_an_object_is_named(
    plugin: Callable[..., Any], train: Callable[..., Any], tmp_path: Path
) -> None:
    source = """
from pathlib import Path
from pytorch_lightning import Callback
class Keeper(Callback):
    def state_dict(self):
        return {"where": Path("x")}
"""
    plugin(entry_points={"zoo.callbacks": {"keeper": "zoo_foo:Keeper"}}, modules={"zoo_foo.py": source})
    with pytest.raises(TypeError, match=r"\['callbacks'\]\['Keeper'\]\['where'\] \(pathlib"):
        train("callback=keeper")
    assert not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()


def test_a_loaded_checkpoint_needs_no_run_folder(train: Callable[..., Any], tmp_path: Path) -> None:
    run = train()
    moved = (run.dir / "checkpoints" / "best.ckpt").rename(tmp_path / "alone.ckpt")
    rows = [dict.fromkeys(run.config and zoo.load(moved).facts["feature_names"], 1.0)]
    assert zoo.load(moved).predict(rows)[0]["prediction"] in {"setosa", "versicolor", "virginica"}
