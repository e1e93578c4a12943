"""Values in original units, learned standardised or as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from zoo.tasks.regression import Regression


def rows_of(run: Any) -> tuple[np.ndarray, np.ndarray]:
    with open(run.config["data"]["path"]) as file:
        table = np.array([[float(cell) for cell in line.split(",")] for line in file.read().splitlines()[1:]])
    return table[:, :2], table[:, 2:]


def test_a_linear_model_finds_the_least_squares_solution_in_original_units(train: Callable[..., Any]) -> None:
    run = train(
        "price", "model=linear", "optimizer=sgd", "optimizer.lr=0.1", "trainer.max_epochs=40", "data.batch_size=200"
    )
    inputs, targets = rows_of(run)
    predicted = np.array([row["prediction"] for row in run.predict(run.config["data"]["path"])])
    solution = LinearRegression().fit(inputs, targets[:, 0]).predict(inputs)
    assert np.abs(predicted - solution).max() < 10, "of a range of thousands"
    assert run.metrics["test/rmse"] < 10
    assert run.metrics["test/r2"] > 0.999


def test_without_scaling_the_model_learns_the_targets_as_they_are(train: Callable[..., Any]) -> None:
    run = train("weight", "task=regression", "task.scale_target=false", "model=linear", "trainer.max_epochs=30")
    assert run.model.task.mean.tolist() == [0]
    assert run.model.task.scale.tolist() == [1]
    _inputs, targets = rows_of(run)
    predicted = np.array([row["prediction"] for row in run.predict(run.config["data"]["path"])])
    assert np.sqrt(np.mean((predicted - targets[:, 0]) ** 2)) < 0.5 * targets.std()
    assert run.metrics["test/loss"] == pytest.approx(run.metrics["test/rmse"] ** 2, rel=1e-4), "the same units"


def test_targets_of_very_different_size_are_both_learned(train: Callable[..., Any]) -> None:
    run = train("[price,weight]", "trainer.max_epochs=40")
    _, targets = rows_of(run)
    rows = run.predict(run.config["data"]["path"])
    assert list(rows[0]) == ["prediction(price)", "prediction(weight)"]
    for column, name in enumerate(("price", "weight")):
        predicted = np.array([row[f"prediction({name})"] for row in rows])
        error = np.sqrt(np.mean((predicted - targets[:, column]) ** 2))
        assert error < 0.3 * targets[:, column].std()


def test_the_loss_sees_standardised_targets_and_metrics_original_ones() -> None:
    facts = {"problem": "regression", "target_names": ["y"], "target_mean": [10.0], "target_scale": [4.0]}
    task = Regression(torch.nn.Identity(), torch.nn.MSELoss(), None, None, {}, facts)
    prediction, target = torch.tensor([[0.5], [-1.0]]), torch.tensor([[14.0], [2.0]])
    assert task.loss_of(prediction, target).item() == pytest.approx(((0.5 - 1) ** 2 + (-1 + 2) ** 2) / 2)
    assert task.outputs(prediction).flatten().tolist() == [12, 6]
    values, truth = task.metric_inputs(prediction, target)
    assert values.flatten().tolist() == [12, 6]
    assert torch.equal(truth, target)
