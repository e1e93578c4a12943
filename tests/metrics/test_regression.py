import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from zoo.metrics import regression
from zoo.metrics.regression import mae, mse, r2, rmse

CASES = range(20)


def value_of(metric, preds: np.ndarray, target: np.ndarray, batch: int = 7) -> float:
    for start in range(0, len(preds), batch):
        part = slice(start, start + batch)
        metric.update(torch.from_numpy(preds[part]), torch.from_numpy(target[part]))
    value = metric.compute()
    assert value.shape == ()
    return value.item()


def values(case: int, targets: int, mean: float = 0.0, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(case)
    target = mean + spread * rng.normal(size=(rng.integers(2, 60), targets)) * np.arange(1, targets + 1)
    preds = target + spread * rng.normal(size=target.shape)
    return preds.astype(np.float32), target.astype(np.float32)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("targets", [1, 3])
def test_errors_are_scikit_learns(case, targets):
    preds, target = values(case, targets)
    assert value_of(mae(), preds, target) == pytest.approx(sk.mean_absolute_error(target, preds), rel=1e-5)
    assert value_of(mse(), preds, target) == pytest.approx(sk.mean_squared_error(target, preds), rel=1e-5)
    assert value_of(rmse(), preds, target) == pytest.approx(sk.mean_squared_error(target, preds) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("multioutput", ["uniform_average", "variance_weighted"])
@pytest.mark.parametrize(("mean", "spread"), [(0, 1), (2000, 5), (0, 1e-4), (2e5, 1e5)])
def test_r2_is_scikit_learns_in_any_unit(case, multioutput, mean, spread):
    for targets in (1, 3):
        preds, target = values(case, targets, mean, spread)
        expected = sk.r2_score(target.astype(np.float64), preds.astype(np.float64), multioutput=multioutput)
        assert value_of(r2(multioutput), preds, target) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("multioutput", ["uniform_average", "variance_weighted"])
@pytest.mark.parametrize("miss", [0.0, 1.0])
@pytest.mark.parametrize("constant", [[0], [0, 1]])
def test_targets_that_never_change_count_as_in_scikit_learn(multioutput, miss, constant):
    preds, target = values(1, 2)
    target[:, constant] = 0.1
    preds[:, constant] = np.float32(0.1) + np.float32(miss)
    expected = sk.r2_score(target.astype(np.float64), preds.astype(np.float64), multioutput=multioutput)
    assert value_of(r2(multioutput), preds, target) == pytest.approx(expected, abs=1e-6)


def test_r2_of_a_single_example_is_not_a_number():
    assert np.isnan(value_of(r2(), np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)))


@pytest.mark.parametrize("name", ["mae", "mse", "rmse", "r2"])
def test_a_metric_knows_its_problem_and_direction_and_resets(name):
    factory = getattr(regression, name)
    preds, target = values(0, 2)
    metric = factory()
    value = value_of(metric, preds, target)
    metric.reset()
    assert value_of(metric, preds, target, batch=1000) == pytest.approx(value)
    assert factory.problems == ("regression",)
    assert metric.higher_is_better is (name == "r2")
