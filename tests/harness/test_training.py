"""What a run leaves behind, and that the options of training do what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import zoo
from zoo.errors import ZooError
from zoo.harness.batches import HarnessData
from zoo.harness.training import set_up
from zoo.testing.nested import difference


def test_metrics_are_flat_numbers_and_complete(train: Callable[..., Any]) -> None:
    run = train()
    metrics = json.loads((run.dir / "metrics.json").read_text())
    assert run.metrics == metrics
    assert all(isinstance(value, int | float) for value in metrics.values())
    names = {"loss", "accuracy", "f1"}
    expected = {f"{split}/{name}" for split in ("val", "test") for name in names}
    expected |= {"train/epoch_loss", "train/steps", "train/epochs", "train/seconds", "best/step"}
    assert set(metrics) == expected
    assert metrics["train/steps"] == 15
    assert metrics["train/epochs"] == 3


def test_the_run_folder_holds_what_is_promised(train: Callable[..., Any]) -> None:
    run = train("logger=[csv,tensorboard]", "report=true")
    names = {path.name for path in run.dir.iterdir()}
    assert {"config.yaml", "run.json", "metrics.json", "checkpoints", "logs", "report.html"} <= names
    assert (run.dir / "logs" / "metrics.csv").exists()
    assert list((run.dir / "logs" / "tensorboard").glob("events.out.tfevents.*"))
    assert not list(run.dir.rglob(".*")), "nothing half-written is left"


def test_the_configuration_of_a_run_trains_to_the_same_result(
    train: Callable[..., Any],
    tmp_path: Path,
    assert_same_end: Callable[..., None],
) -> None:
    """Left to the data at first, task, loss and metrics stand in it."""
    run = train("model.dropout=0.3", "schedule=cosine")
    config = yaml.safe_load((run.dir / "config.yaml").read_text())
    assert config["task"]["name"] == "classification"
    assert config["loss"]["name"] == "cross_entropy"
    again = zoo.train(config, tmp_path / "again")
    assert_same_end(run.dir, again.dir)


def test_one_seed_gives_one_result_and_another_seed_another(
    train: Callable[..., Any], assert_same_end: Callable[..., None], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    one = train("seed=1", folder="one")
    torch.rand(5)
    assert_same_end(one.dir, train("seed=1", folder="again").dir)
    other = train("seed=2", folder="other")
    assert difference(checkpoint(one.dir)["state_dict"], checkpoint(other.dir)["state_dict"]) is not None


def test_training_does_not_change_the_configuration_it_is_given(
    composed: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    config = composed("trainer.max_epochs=1")
    before = json.dumps(config)
    zoo.train(config, tmp_path / "run")
    assert json.dumps(config) == before


def test_accumulated_gradients_equal_a_bigger_batch(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    """SGD over all 105 rows at once, and over seven batches of 15."""
    sgd = ("optimizer=sgd", "optimizer.lr=0.1")
    small = train(*sgd, "data.batch_size=15", "trainer.accumulate_grad_batches=7", folder="small")
    big = train(*sgd, "data.batch_size=105", folder="big")
    assert small.metrics["train/steps"] == big.metrics["train/steps"] == 3
    for name, weight in checkpoint(big.dir)["state_dict"].items():
        torch.testing.assert_close(checkpoint(small.dir)["state_dict"][name], weight, atol=1e-6, rtol=0)


def one_step(train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]], *clip: str) -> torch.Tensor:
    """The change of all weights by one step of SGD with learning rate 1, which is minus the gradient."""
    still = ("optimizer=sgd", "data.batch_size=200", "trainer.max_epochs=1")
    before = train(*still, "optimizer.lr=1e-30", folder=f"before{len(clip)}{clip[-1:]}".replace("/", ""))
    after = train(*still, "optimizer.lr=1", *clip, folder=f"after{len(clip)}{clip[-1:]}".replace("/", ""))
    weights = [checkpoint(run.dir)["state_dict"] for run in (before, after)]
    return torch.cat([(weights[1][name] - weights[0][name]).flatten() for name in weights[0]])


def test_gradients_are_clipped_by_norm_and_by_value(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    gradient = one_step(train, checkpoint)
    assert gradient.norm() > 0.05
    assert gradient.abs().max() > 0.01
    by_norm = one_step(train, checkpoint, "trainer.gradient_clip_val=0.05")
    torch.testing.assert_close(by_norm, gradient * 0.05 / gradient.norm(), atol=1e-6, rtol=1e-3)
    by_value = one_step(train, checkpoint, "trainer.gradient_clip_val=0.01", "trainer.gradient_clip_algorithm=value")
    torch.testing.assert_close(by_value, gradient.clamp(-0.01, 0.01), atol=1e-6, rtol=1e-3)


def test_early_stopping_watches_what_the_checkpoints_watch(train: Callable[..., Any]) -> None:
    chosen = ("callback=early_stopping", "callback.early_stopping.patience=2", "trainer.max_epochs=40")
    run = train(*chosen, "optimizer.lr=1e-12", "checkpoint.monitor=val/accuracy", "checkpoint.mode=max")
    assert run.metrics["train/epochs"] == 3, "the first is the best, and two more are waited for"


def test_a_plateau_lowers_the_learning_rate(train: Callable[..., Any]) -> None:
    chosen = ("schedule=plateau", "schedule.patience=0", "schedule.factor=0.1", "optimizer=sgd", "optimizer.lr=1e-12")
    run = train(*chosen, "trainer.max_epochs=4", "trainer.log_every_n_steps=5")
    text = (run.dir / "logs" / "metrics.csv").read_text().splitlines()
    column = text[0].split(",").index("lr")
    rates = [float(line.split(",")[column]) for line in text[1:] if line.split(",")[column]]
    assert rates == pytest.approx([1e-12, 1e-12, 1e-13, 1e-14])


def test_a_schedule_without_an_end_is_refused(train: Callable[..., Any]) -> None:
    with pytest.raises(ZooError, match=r"schedule=cosine: needs to know how long the run is"):
        train("schedule=cosine", "trainer.max_epochs=-1", "trainer.max_time=00:00:00:05")


def test_a_loss_that_does_not_fit_the_problem_is_refused_before_anything_is_written(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    for overrides in (("loss=mse",), ("data=diabetes", "loss=cross_entropy"), ("loss=bce",)):
        with pytest.raises(ZooError, match=r"loss=\w+: fits .* targets, and the data are (multiclass|regression)"):
            train(*overrides)
    assert not (tmp_path / "run").exists()


def test_a_task_and_a_metric_that_do_not_fit_are_refused_before_anything_is_written(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    for overrides in (("metric=rmse",), ("data=diabetes", "metric=accuracy"), ("task=regression",)):
        with pytest.raises(ZooError, match=overrides[-1]):
            train(*overrides)
    assert not (tmp_path / "run").exists()


def test_a_value_that_is_not_measured_cannot_be_monitored(train: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"checkpoint\.monitor.*'val/rmse'.*val/loss, val/accuracy, val/f1"):
        train("checkpoint.monitor=val/rmse")
    assert not (tmp_path / "run").exists()


def test_a_run_of_python_predicts(train: Callable[..., Any]) -> None:
    run = train("optimizer.lr=0.1", "trainer.max_epochs=10")
    names = run.model.facts["feature_names"]
    setosa, virginica = [5.0, 3.4, 1.5, 0.2], [6.9, 3.1, 5.4, 2.1]
    rows = run.predict([dict(zip(names, row, strict=True)) for row in (setosa, virginica)])
    assert [row["prediction"] for row in rows] == ["setosa", "virginica"]
    assert repr(run) == f"Run({str(run.dir)!r})"


def test_an_initialisation_that_needs_data_gets_the_first_batch(train: Callable[..., Any]) -> None:
    run = train("model.init=lsuv", "data.batch_size=1000", "optimizer.lr=1e-12", "trainer.max_steps=1")
    inputs, _ = next(iter(HarnessData(set_up(run.model.config), 0).train_dataloader()))
    model = run.model.task.model.eval()
    outputs: list[torch.Tensor] = []
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda _layer, _inputs, output: outputs.append(output))
    model(inputs)
    assert len(outputs) == 3
    assert [one.detach().var(correction=0).item() for one in outputs] == pytest.approx([1, 1, 1], abs=0.11)
