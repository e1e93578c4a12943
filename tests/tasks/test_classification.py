"""Classes, yes or no, and labels: widths, probabilities, rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from zoo.harness.evaluation import evaluate
from zoo.tasks.classification import Classification

ROWS = [{"a": 2.0, "b": 2.0}, {"a": -2.0, "b": -2.0}, {"a": 0.1, "b": -0.2}]


def width(run: Any) -> int:
    """Outputs of the model: rows of the last weight matrix."""
    weights = [value for value in run.model.task.model.state_dict().values() if value.dim() == 2]
    return len(weights[-1])


@pytest.mark.parametrize(
    ("target", "loss", "outputs"),
    [
        ("answer", "bce", 1),
        ("answer", "cross_entropy", 2),
        ("size", "cross_entropy", 3),
        ("[p,q,r]", "bce", 3),
    ],
)
def test_the_loss_decides_how_wide_the_prediction_is(
    target: str, loss: str, outputs: int, train: Callable[..., Any]
) -> None:
    run = train(target, f"loss={loss}", "trainer.max_epochs=1")
    assert width(run) == outputs
    assert math.isfinite(run.metrics["test/loss"])


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_both_losses_learn_yes_or_no_and_predict_alike(loss: str, train: Callable[..., Any]) -> None:
    run = train("answer", f"loss={loss}", "trainer.max_epochs=15")
    assert run.metrics["test/accuracy"] > 0.9
    rows = run.predict(ROWS)
    assert [row["prediction"] for row in rows[:2]] == ["yes", "no"]
    for row in rows:
        assert row["p(no)"] + row["p(yes)"] == pytest.approx(1)
        assert row["probability"] == max(row["p(no)"], row["p(yes)"])


def test_labels_are_predicted_independently(train: Callable[..., Any]) -> None:
    run = train("[p,q,r]", "trainer.max_epochs=20")
    assert run.config["loss"]["name"] == "bce"
    rows = run.predict(ROWS)
    assert rows[0]["prediction"] == "p q r"
    assert rows[1]["prediction"] == ""
    assert set(rows[0]) == {"prediction", "p(p)", "p(q)", "p(r)"}


def test_the_threshold_decides_what_is_predicted(train: Callable[..., Any]) -> None:
    eager = train("answer", "task=classification", "task.threshold=0.0001", "optimizer.lr=1e-6")
    assert {row["prediction"] for row in eager.predict(ROWS)} == {"yes"}
    shy = train("answer", "task=classification", "task.threshold=0.9999", "optimizer.lr=1e-6")
    assert {row["prediction"] for row in shy.predict(ROWS)} == {"no"}


def task(problem: str, target: str) -> Classification:
    """A task that passes logits through, with a loss that notes what it is given."""

    class Loss(torch.nn.Module):
        def forward(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            self.seen = target
            return prediction.sum()

    loss = Loss()
    loss.target = target  # type: ignore[assignment]
    facts = {"problem": problem, "num_classes": 3, "num_labels": 3, "class_names": ["x", "y", "z"]}
    return Classification(torch.nn.Identity(), loss, None, None, {}, facts)


def test_targets_take_the_form_the_loss_wants() -> None:
    one = task("multiclass", "class")
    one.loss_of(torch.zeros(2, 3), torch.tensor([2, 0]))
    assert one.loss.seen.tolist() == [2, 0]
    one = task("multiclass", "indicator")
    one.loss_of(torch.zeros(2, 3), torch.tensor([2, 0]))
    assert one.loss.seen.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert one.loss.seen.dtype == torch.float32
    one = task("binary", "indicator")
    one.loss_of(torch.zeros(2, 1), torch.tensor([1, 0]))
    assert one.loss.seen.tolist() == [[1], [0]]
    one = task("multilabel", "indicator")
    one.loss_of(torch.zeros(2, 3), torch.tensor([[1.0, 0, 1], [0, 0, 0]]))
    assert one.loss.seen.tolist() == [[1, 0, 1], [0, 0, 0]]


def test_probabilities_are_softmax_or_sigmoid_in_float32() -> None:
    logits = np.array([[0.3, -1.2, 2.0], [5.0, 0.0, -5.0]])
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sigmoid = 1 / (1 + np.exp(-logits))
    given = torch.tensor(logits, dtype=torch.float64)
    np.testing.assert_allclose(task("multiclass", "class").outputs(given), softmax, atol=1e-6)
    np.testing.assert_allclose(task("multilabel", "indicator").outputs(given), sigmoid, atol=1e-6)
    binary = task("binary", "indicator").outputs(given[:, :1])
    np.testing.assert_allclose(binary, np.stack([1 - sigmoid[:, 0], sigmoid[:, 0]], axis=1), atol=1e-6)
    assert task("multiclass", "class").outputs(given.bfloat16()).dtype == torch.float32


def test_evaluating_labels_equals_numpy(train: Callable[..., Any]) -> None:
    run = train("[p,q,r]", "data.batch_size=7", "optimizer.lr=0.001")
    rows = run.predict(run.config["data"]["path"])
    with open(run.config["data"]["path"]) as file:
        truth = np.array([[float(cell) for cell in line.split(",")[2:]] for line in file.read().splitlines()[1:]])
    p = np.array([[row["p(p)"], row["p(q)"], row["p(r)"]] for row in rows])
    expected = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean()
    assert evaluate(str(run.dir), split="all")["test/loss"] == pytest.approx(expected, rel=1e-5)
    assert evaluate(str(run.dir), split="all")["test/accuracy"] == pytest.approx(((p >= 0.5) == truth).mean(), abs=1e-6)
