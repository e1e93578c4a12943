"""What a loss declares, and what tasks make of it."""

import math

import pytest
import torch
from sklearn.metrics import mean_absolute_percentage_error

import zoo
from zoo.errors import ZooError
from zoo.losses.densities import GaussianNLL, Poisson
from zoo.losses.percentages import MAPE
from zoo.losses.residuals import RMSE
from zoo.tasks.regression import Regression

FACTS = {"problem": "regression", "target_names": ["y"], "target_mean": [10.0], "target_scale": [4.0]}


def task_with(loss: torch.nn.Module) -> Regression:
    return Regression(torch.nn.Identity(), loss, None, None, {}, FACTS)


def test_a_percentage_is_one_of_original_units_though_the_model_learns_standardised_ones():
    task, prediction = task_with(MAPE()), torch.tensor([[0.5], [-1.0]])
    target = torch.tensor([[14.0], [2.0]])
    expected = 100 * mean_absolute_percentage_error(target, [[12.0], [6.0]])
    assert task.loss_of(prediction, target).item() == pytest.approx(expected)
    assert task.outputs(prediction).flatten().tolist() == [12, 6]


def test_counts_are_no_standardised_values_and_their_predictions_are_rates():
    task, prediction = task_with(Poisson()), torch.tensor([[0.5], [-1.0]])
    expected = (math.exp(0.5) - 3 * 0.5 + math.exp(-1.0)) / 2
    assert task.loss_of(prediction, torch.tensor([[3.0], [0.0]])).item() == pytest.approx(expected)
    assert task.outputs(prediction).flatten().tolist() == pytest.approx([math.exp(0.5), math.exp(-1.0)])


def test_a_predicted_variance_widens_the_model_and_is_no_value():
    assert Regression.out_features({**FACTS, "target_names": ["y", "z"]}, GaussianNLL()) == 4
    task, prediction = task_with(GaussianNLL()), torch.tensor([[0.5, 3.0], [-1.0, -2.0]])
    target = torch.tensor([[14.0], [2.0]])
    expected = GaussianNLL()(prediction, (target - 10) / 4)
    assert task.loss_of(prediction, target).item() == pytest.approx(expected.item())
    assert task.outputs(prediction).flatten().tolist() == [12, 6]


QUIET = ["model=linear", "logger=[]", "report=false", "trainer.max_steps=3", "trainer.accelerator=cpu"]


def test_rmse_over_batches_of_any_size_is_exact(tmp_path):
    words = ["data=diabetes", "data.batch_size=7", "task=regression", "task.scale_target=false"]
    run = zoo.train(zoo.compose([*words, "loss=rmse", "metric=rmse", *QUIET]), tmp_path / "run")
    assert run.metrics["test/loss"] == pytest.approx(run.metrics["test/rmse"], rel=1e-5)
    assert task_with(RMSE()).example_losses["val"].power == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("loss=zero_one data=digits", "loss=zero_one: counts errors, .*; train with a surrogate .*metric=accuracy"),
        ("loss=mase data=diabetes", "loss=mase: targets are .*give loss.scale"),
        ("loss=bce loss.pos_weight=[1,2] data=breast_cancer", "loss=bce: pos_weight: 2 weights for 1 labels"),
    ],
)
def test_what_cannot_be_trained_is_one_line_before_anything_is_trained_or_written(words, message, tmp_path):
    with pytest.raises(ZooError, match=f"^{message}") as caught:
        zoo.train(zoo.compose([*words.split(), *QUIET]), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
