"""Errors of values against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from zoo.metrics import regression
from zoo.metrics.regression import explained_variance, mae, mse, r2, rmse

CASES = range(100)
UNITS = [(0, 1), (2000, 5), (0, 1e-4), (2e5, 1e5)]
SCORES = {"r2": (r2, sk.r2_score), "explained_variance": (explained_variance, sk.explained_variance_score)}


def values(case: int, targets: int, mean: float = 0.0, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(case)
    target = mean + spread * rng.normal(size=(rng.integers(2, 60), targets)) * np.arange(1, targets + 1)
    preds = target + spread * (rng.normal(size=target.shape) + case % 3)
    return preds.astype(np.float32), target.astype(np.float32)


@pytest.mark.parametrize("case", CASES)
def test_errors_are_scikit_learns(case, given):
    preds, target = values(case, 1 + case % 3, *UNITS[case % 4])
    exact = target.astype(np.float64), preds.astype(np.float64)
    assert given.value_of(mae(), preds, target) == pytest.approx(sk.mean_absolute_error(*exact), rel=1e-6)
    assert given.value_of(mse(), preds, target) == pytest.approx(sk.mean_squared_error(*exact), rel=1e-6)
    # Over several targets scikit-learn's is the mean of the roots; ours is the root of the mean.
    assert given.value_of(rmse(), preds, target) == pytest.approx(sk.mean_squared_error(*exact) ** 0.5, rel=1e-6)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("case", CASES)
def test_shares_of_variance_are_scikit_learns_in_any_unit(name, case, given):
    ours, theirs = SCORES[name]
    multioutput = ("uniform_average", "variance_weighted")[case % 2]
    for mean, spread in UNITS:
        preds, target = values(case, 1 + case % 3, mean, spread)
        expected = theirs(target.astype(np.float64), preds.astype(np.float64), multioutput=multioutput)
        assert given.value_of(ours(multioutput), preds, target) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("multioutput", ["uniform_average", "variance_weighted"])
@pytest.mark.parametrize("miss", [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 2.0]])
@pytest.mark.parametrize("constant", [[0], [0, 1]])
def test_targets_that_never_change_count_as_in_scikit_learn(name, multioutput, miss, constant, given):
    ours, theirs = SCORES[name]
    preds, target = (one[:4] for one in values(1, 2))
    target[:, constant] = 0.125
    preds[:, constant] = 0.125 + np.array(miss, np.float32)[:, None]
    expected = theirs(target.astype(np.float64), preds.astype(np.float64), multioutput=multioutput)
    assert given.value_of(ours(multioutput), preds, target) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("metric", [r2, explained_variance])
def test_a_single_example_has_no_variance(metric, given):
    assert np.isnan(given.value_of(metric(), np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)))


def test_a_constant_error_costs_r2_and_no_explained_variance(given):
    target = np.arange(6, dtype=np.float32)[:, None]
    assert given.value_of(explained_variance(), target + 3, target) == 1.0
    assert given.value_of(r2(), target + 3, target) == pytest.approx(1 - 6 * 9 / 17.5)


@pytest.mark.parametrize("metric", [mae, mse])
def test_many_batches_lose_no_digits(metric):
    """In float32 a sum of ten thousand does not grow by a ten-thousandth at a time."""
    built = metric()
    built.update(torch.full((1, 1), 1e4 if metric is mae else 1e4**0.5), torch.zeros(1, 1))
    small = 1e-4 if metric is mae else 1e-2
    for _ in range(200):
        built.update(torch.full((1, 1), small), torch.zeros(1, 1))
    assert built.compute().item() == pytest.approx((1e4 + 200 * 1e-4) / 201, rel=1e-8)


@pytest.mark.parametrize("name", ["mae", "mse", "rmse", "r2", "explained_variance"])
def test_a_metric_knows_its_problem_and_direction_and_resets(name, given):
    factory = getattr(regression, name)
    preds, target = values(0, 2)
    metric = factory()
    value = given.value_of(metric, preds, target)
    metric.reset()
    assert given.value_of(metric, preds, target, batch=1000) == pytest.approx(value)
    assert factory.problems == ("regression",)
    assert metric.higher_is_better is (name in SCORES)
