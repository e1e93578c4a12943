"""Means of weights next to plain loops in float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo
from zoo.errors import ZooError
from zoo.harness.evaluation import evaluate
from zoo.harness.run import Run
from zoo.tasks.task import Task

QUIET = ("data=iris", "data.batch_size=25", "model.norm=batch", "model.width=8", "optimizer.lr=0.02", "logger=[]")
QUIET += ("report=false", "trainer.accelerator=cpu", "trainer.devices=1", "trainer.max_epochs=4")


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Run]:
    """Train a small network with batch normalisation, 5 steps an epoch."""

    def trained(*words: str) -> Run:
        overrides = list({word.split("=")[0]: word for word in (*QUIET, *words)}.values())
        return zoo.train(zoo.compose(overrides), tmp_path / "run")

    return trained


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Tensor]]:
    """The model's tensors before the first step and after each."""
    seen: list[dict[str, Tensor]] = []
    start, end = Task.on_train_start, Task.on_train_batch_end

    def look(self: Task) -> None:
        seen.append({name: one.clone() for name, one in self.model.state_dict().items()})

    def and_look_first(self: Task) -> None:
        start(self)
        look(self)

    def and_look(self: Task, *arguments: Any) -> None:
        end(self, *arguments)
        look(self)

    monkeypatch.setattr(Task, "on_train_start", and_look_first)
    monkeypatch.setattr(Task, "on_train_batch_end", and_look)
    return seen


def state(run: Run, name: str) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(run.dir / "checkpoints" / f"{name}.ckpt", weights_only=True)
    return content


@pytest.mark.parametrize("warmup", [True, False])
def test_the_moving_mean_is_the_recursion(
    warmup: bool, train: Callable[..., Run], weights: list[dict[str, Tensor]]
) -> None:
    run = train("callback=[ema]", "callback.ema.decay=0.8", f"callback.ema.warmup={str(warmup).lower()}")
    expected = {name: one.double() for name, one in weights[0].items()}
    for step, now in enumerate(weights[1:], 1):
        decay = min(0.8, (1 + step) / (10 + step)) if warmup else 0.8
        for name, one in now.items():
            counts = not one.is_floating_point()
            expected[name] = one.double() if counts else decay * expected[name] + (1 - decay) * one.double()
    mean = state(run, "last")["callbacks"]["EMA"]["mean"]
    assert len(weights) == 21
    for name, one in expected.items():
        torch.testing.assert_close(mean[name].double(), one, atol=1e-6, rtol=1e-5)
    assert mean["hidden.0.transform.1.num_batches_tracked"].dtype == torch.int64


def test_the_moving_mean_is_evaluated_and_kept_and_training_goes_on_without_it(
    train: Callable[..., Run], weights: list[dict[str, Tensor]]
) -> None:
    run = train("callback=[ema]", "callback.ema.decay=0.9")
    best, last = state(run, "best"), state(run, "last")
    assert best["global_step"] == 20
    for name, one in last["callbacks"]["EMA"]["mean"].items():
        assert torch.equal(best["state_dict"][f"model.{name}"], one)
        assert torch.equal(last["state_dict"][f"model.{name}"], weights[-1][name])
    assert not torch.equal(best["state_dict"]["model.head.weight"], last["state_dict"]["model.head.weight"])
    assert evaluate(str(run.dir), split="val")["test/loss"] == pytest.approx(run.metrics["val/loss"], rel=1e-6)


@pytest.mark.parametrize("optimizer", ["adamw", "schedule_free"])
def test_training_is_the_same_with_and_without_a_moving_mean(
    optimizer: str, train: Callable[..., Run], weights: list[dict[str, Tensor]], tmp_path: Path
) -> None:
    """What an optimizer has put in place for validation comes back before what the callback has put over it."""
    train("callback=[ema]", f"optimizer={optimizer}")
    (tmp_path / "run").rename(tmp_path / "other")
    train(f"optimizer={optimizer}")
    for name, one in weights[20].items():
        assert torch.equal(one, weights[41][name])


def test_the_moving_mean_follows_steps_not_batches(train: Callable[..., Run], weights: list[dict[str, Tensor]]) -> None:
    words = ("callback.ema.decay=0.5", "callback.ema.warmup=false", "trainer.accumulate_grad_batches=5")
    run = train("callback=[ema]", *words)
    expected = weights[0]["head.weight"].double()
    for now in weights[5::5]:
        expected = 0.5 * expected + 0.5 * now["head.weight"].double()
    ema = state(run, "last")["callbacks"]["EMA"]
    assert ema["steps"] == 4
    torch.testing.assert_close(ema["mean"]["head.weight"].double(), expected, atol=1e-6, rtol=1e-5)


def test_the_mean_of_epochs_is_plain_with_statistics_of_its_own(
    train: Callable[..., Run], weights: list[dict[str, Tensor]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights of the last three epochs; statistics from one pass over the training data in float64."""
    run = train("callback=[swa]", "callback.swa.start=1", "optimizer.lr=0.002", "checkpoint.monitor=val/loss")
    swa = state(run, "last")["callbacks"]["SWA"]
    assert swa["count"] == 3
    ends = [weights[step] for step in (10, 15, 20)]
    for name, one in swa["mean"].items():
        if one.is_floating_point():
            plain = torch.stack([now[name].double() for now in ends]).mean(0)
            torch.testing.assert_close(one.double(), plain, atol=1e-6, rtol=1e-5)
        else:
            assert one == ends[-1][name]
    assert "better still" not in capsys.readouterr().err  # a learning rate this small: the last epoch is the best


def test_a_mean_of_epochs_that_validation_prefers_becomes_the_best_checkpoint(
    train: Callable[..., Run], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.harness.checkpointing import Checkpoints

    monkeypatch.setattr(Checkpoints, "_better", lambda self, value: self.best is None or "mean" in self.__dict__)
    take = Checkpoints.take_mean

    def prefer(self: Checkpoints, *arguments: Any) -> bool:
        self.__dict__["mean"] = True
        return take(self, *arguments)

    monkeypatch.setattr(Checkpoints, "take_mean", prefer)
    run = train("callback=[swa]", "callback.swa.start=0.5")
    assert "the mean of the weights after 2 epochs is better still: val/loss" in capsys.readouterr().err
    best, swa = state(run, "best")["state_dict"], state(run, "last")["callbacks"]["SWA"]
    model = zoo.load(run.dir).task.model
    for name, _ in model.named_parameters():
        assert torch.equal(best[f"model.{name}"], swa["mean"][name])

    # Statistics: of each training batch what the first normalisation is given, in float64; means over batches.
    data = zoo.load(run.dir).data
    data.setup()
    from zoo.harness.batches import batches_of, loader_of

    batches = batches_of(data, "train", shuffle=True, seed=0)
    first = model.hidden[0].transform
    inputs = [first[0](batch[0]).detach().double() for batch in loader_of(data, data.dataset("train"), batches)]
    mean = torch.stack([one.mean(0) for one in inputs]).mean(0)
    variance = torch.stack([one.var(0) for one in inputs]).mean(0)
    torch.testing.assert_close(best["model.hidden.0.transform.1.running_mean"].double(), mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(best["model.hidden.0.transform.1.running_var"].double(), variance, atol=1e-5, rtol=1e-4)
    assert evaluate(str(run.dir), split="val")["test/loss"] == pytest.approx(run.metrics["val/loss"], rel=1e-5)


def test_an_epoch_that_a_limit_cuts_short_does_not_count(train: Callable[..., Run]) -> None:
    run = train("callback=[swa]", "callback.swa.start=0", "trainer.max_epochs=-1", "trainer.max_steps=13")
    assert state(run, "last")["callbacks"]["SWA"]["count"] == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["callback=[ema]", "data.val=0"], "callback=ema: watches validation"),
        (["callback=[swa]", "data.val=0"], "callback=swa: watches validation"),
        (["callback=[swa]", "trainer.max_epochs=-1", "trainer.max_steps=5"], "callback.swa.start: 0.75 is a share"),
        (["callback=[ema]", "callback.ema.decay=1"], "callback.ema.decay"),
    ],
)
def test_what_cannot_be_averaged_is_said(words: list[str], problem: str, train: Callable[..., Run]) -> None:
    with pytest.raises(ZooError) as error:
        train(*words)
    assert problem in str(error.value)
