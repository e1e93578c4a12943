"""Metrics and losses are exact over examples, whatever the batches: next to scikit-learn and float64 NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.datasets
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.model_selection import train_test_split

from zoo.harness.evaluation import evaluate
from zoo.harness.run import LoadedModel, load

Rows = NDArray[np.int64]


def split_rows(y: NDArray[Any], *, stratified: bool) -> dict[str, Rows]:
    """Rows of each split by scikit-learn: a fifth for the test, a tenth for validation."""
    everything = np.arange(len(y))
    rest, test = train_test_split(everything, test_size=0.2, random_state=0, stratify=y if stratified else None)
    rest, val = train_test_split(
        rest, test_size=round(0.1 * len(y)), random_state=0, stratify=y[rest] if stratified else None
    )
    return {"train": np.asarray(rest), "val": np.asarray(val), "test": np.asarray(test)}


def records(bunch: Any, rows: Rows) -> list[dict[str, float]]:
    names = [str(name) for name in bunch.feature_names]
    return [dict(zip(names, map(float, bunch.data[row]), strict=True)) for row in rows]


def probabilities(model: LoadedModel, bunch: Any, rows: Rows) -> NDArray[np.float64]:
    predicted = model.predict(records(bunch, rows))
    return np.array([[row[f"p({name})"] for name in map(str, bunch.target_names)] for row in predicted])


@pytest.mark.parametrize("batch_size", [8, 1000])
def test_metrics_of_three_classes_equal_scikit_learn_s(batch_size: int, train: Callable[..., Any]) -> None:
    bunch = sklearn.datasets.load_iris()
    rows = split_rows(bunch.target, stratified=True)
    run = train(f"data.batch_size={batch_size}", "trainer.max_epochs=2", "optimizer.lr=0.05")
    model = load(run.dir)
    for split in ("val", "test"):
        y, p = bunch.target[rows[split]], probabilities(model, bunch, rows[split])
        assert run.metrics[f"{split}/loss"] == pytest.approx(metrics.log_loss(y, p), abs=2e-6)
        assert run.metrics[f"{split}/accuracy"] == pytest.approx(metrics.accuracy_score(y, p.argmax(1)), abs=1e-6)
        expected = metrics.f1_score(y, p.argmax(1), average="macro")
        assert run.metrics[f"{split}/f1"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_metrics_of_two_classes_equal_scikit_learn_s(loss: str, train: Callable[..., Any]) -> None:
    bunch = sklearn.datasets.load_breast_cancer()
    rows = split_rows(bunch.target, stratified=True)
    chosen = "metric=[accuracy,f1,roc_auc,average_precision]"
    run = train("data=breast_cancer", "data.batch_size=37", f"loss={loss}", chosen, "optimizer.lr=0.01")
    y, p = bunch.target[rows["test"]], probabilities(load(run.dir), bunch, rows["test"])
    assert run.metrics["test/loss"] == pytest.approx(metrics.log_loss(y, p), abs=2e-6)
    assert run.metrics["test/accuracy"] == pytest.approx(metrics.accuracy_score(y, p[:, 1] >= 0.5), abs=1e-6)
    assert run.metrics["test/f1"] == pytest.approx(metrics.f1_score(y, p[:, 1] >= 0.5), abs=1e-6)
    assert run.metrics["test/roc_auc"] == pytest.approx(metrics.roc_auc_score(y, p[:, 1]), abs=1e-6)
    expected = metrics.average_precision_score(y, p[:, 1])
    assert run.metrics["test/average_precision"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("batch_size", [64])
def test_metrics_of_regression_equal_numpy_s_in_original_units(batch_size: int, train: Callable[..., Any]) -> None:
    bunch = sklearn.datasets.load_diabetes(scaled=False)
    rows = split_rows(bunch.target, stratified=False)
    run = train("data=diabetes", f"data.batch_size={batch_size}", "optimizer.lr=0.02")
    y = bunch.target[rows["test"]]
    predicted = np.array([row["prediction"] for row in load(run.dir).predict(records(bunch, rows["test"]))])
    assert y.min() > 25, "original units"
    assert run.metrics["test/rmse"] == pytest.approx(np.sqrt(np.mean((y - predicted) ** 2)), rel=1e-5)
    assert run.metrics["test/mae"] == pytest.approx(np.mean(np.abs(y - predicted)), rel=1e-5)
    assert run.metrics["test/r2"] == pytest.approx(metrics.r2_score(y, predicted), abs=1e-5)
    deviation = bunch.target[rows["train"]].std()
    assert run.metrics["test/loss"] == pytest.approx(np.mean(((y - predicted) / deviation) ** 2), rel=1e-5)


@pytest.mark.parametrize("batch_size", [4, 8])
def test_a_weighted_loss_is_the_weighted_mean_over_all_examples(batch_size: int, train: Callable[..., Any]) -> None:
    bunch = sklearn.datasets.load_iris()
    rows = split_rows(bunch.target, stratified=True)
    run = train(f"data.batch_size={batch_size}", "loss=cross_entropy", "loss.class_weights=[1,5,0.25]")
    model, weights = load(run.dir), np.array([1, 5, 0.25])
    for split in ("val", "test"):
        y = bunch.target[rows[split]]
        logs = -np.log(probabilities(model, bunch, rows[split])[np.arange(len(y)), y])
        expected = (weights[y] * logs).sum() / weights[y].sum()
        assert run.metrics[f"{split}/loss"] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("weights", [None, [1, 5, 0.25]])
def test_the_training_loss_of_an_epoch_is_a_mean_over_examples(
    weights: list[float] | None, train: Callable[..., Any]
) -> None:
    """With a step too small to matter it is the loss of the untouched weights: 105 examples in batches of 25."""
    chosen = () if weights is None else ("loss=cross_entropy", f"loss.class_weights={weights}")
    run = train("optimizer=sgd", "optimizer.lr=1e-12", "trainer.max_epochs=1", "data.batch_size=25", *chosen)
    bunch = sklearn.datasets.load_iris()
    rows = split_rows(bunch.target, stratified=True)["train"]
    y = bunch.target[rows]
    weight = np.ones(len(y)) if weights is None else np.array(weights)[y]
    logs = -np.log(probabilities(load(run.dir), bunch, rows)[np.arange(len(y)), y])
    assert run.metrics["train/epoch_loss"] == pytest.approx((weight * logs).sum() / weight.sum(), abs=2e-6)


def test_the_logged_training_loss_is_the_mean_since_the_last_time(train: Callable[..., Any]) -> None:
    run = train(
        "optimizer=sgd", "optimizer.lr=1e-12", "trainer.max_epochs=1", "trainer.log_every_n_steps=5", "logger=csv"
    )
    lines = (run.dir / "logs" / "metrics.csv").read_text().splitlines()
    logged = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(logged["train/loss"]) == pytest.approx(run.metrics["train/epoch_loss"], rel=1e-12)


def test_evaluation_does_not_depend_on_the_batch_size(train: Callable[..., Any]) -> None:
    run = train("optimizer.lr=0.05", "trainer.max_epochs=2")
    for batch_size in (1, 8, 11, 30, 4096):
        for name, value in evaluate(str(run.dir), {"data.batch_size": batch_size}).items():
            assert value == pytest.approx(run.metrics[name], abs=1e-6), (name, batch_size)


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_run_without_rows_to_validate_or_test_on_ends_well(split: str, train: Callable[..., Any]) -> None:
    run = train(f"data.{split}=0", "data=breast_cancer")
    assert (Path(run.dir) / "checkpoints" / "best.ckpt").exists()
    assert all(value == value for name, value in run.metrics.items() if not name.startswith("val/"))
    assert not any(name.startswith(f"{split}/") for name in run.metrics)
