"""Percentage and scaled errors against scikit-learn, torchmetrics and plain loops."""

import doctest

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from torchmetrics.functional import symmetric_mean_absolute_percentage_error

from zoo.metrics import forecasts
from zoo.metrics.forecasts import mape, mase, smape

CASES = range(100)


def series(case: int) -> tuple[np.ndarray, np.ndarray]:
    """Forecasts of whole numbers, some negative, in tens or in millionths; no target is zero."""
    rng = np.random.default_rng(case)
    unit = 1e-6 if case % 5 == 0 else 10.0
    target = rng.integers(1, 20, (rng.integers(1, 30), 1 + case % 3)) * rng.choice([-1, 1, 1])
    preds = target + rng.integers(-5, 6, target.shape)
    return (preds * unit).astype(np.float32), (target * unit).astype(np.float32)


@pytest.mark.parametrize("case", CASES)
def test_mape_is_scikit_learns_share(case, given):
    preds, target = series(case)
    expected = sk.mean_absolute_percentage_error(target.astype(np.float64), preds.astype(np.float64))
    assert given.value_of(mape(), preds, target) == pytest.approx(expected, rel=1e-6)
    assert given.value_of(mape(percent=True), preds, target) == pytest.approx(100 * expected, rel=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_smape_is_the_competitions_and_where_it_can_be_torchmetrics(case, given):
    preds, target = series(case)
    terms = [200 * abs(y - f) / (abs(y) + abs(f)) for f, y in zip(*map(np.ndarray.ravel, (preds, target)), strict=True)]
    assert given.value_of(smape(), preds, target) == pytest.approx(np.mean(terms), rel=1e-6)
    if case % 5:
        share = symmetric_mean_absolute_percentage_error(torch.from_numpy(preds), torch.from_numpy(target)).item()
        assert given.value_of(smape(percent=False), preds, target) == pytest.approx(share, rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_mase_is_the_mean_of_the_series_scaled_errors(case, given):
    """Hyndman & Koehler's, each series by the mean error of the naive forecast within its past."""
    rng = np.random.default_rng(case)
    past = rng.integers(0, 9, (6, 20)).astype(np.float64)
    future, preds = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    scales, errors = [], []
    for row in range(6):
        scales.append(sum(abs(past[row, t] - past[row, t - 1]) for t in range(1, 20)) / 19)
        errors.append(sum(abs(future[row, t] - preds[row, t]) for t in range(4)) / 4 / scales[-1])
    target = np.stack([future, np.repeat(np.array(scales)[:, None], 4, axis=1)], axis=2)
    assert given.value_of(mase(), preds, target, batch=4) == pytest.approx(np.mean(errors))
    one = given.value_of(mase(scale=scales[0]), preds[:1], future[:1])
    assert one == pytest.approx(errors[0])


def test_what_has_no_error_of_its_own_is_left_out(given):
    preds = np.array([[1.0], [3.0], [0.0], [7.0]])
    target = np.array([[0.0], [2.0], [0.0], [np.nan]])
    assert given.value_of(mape(), preds, target) == 0.5
    assert given.value_of(smape(), preds, target, batch=1) == pytest.approx((200 + 40 + 0) / 3)
    assert given.value_of(mase(2.0), preds, target) == pytest.approx((1 + 1 + 0) / 2 / 3)
    scales = np.array([[0.0], [2.0], [np.nan], [1.0]])
    assert given.value_of(mase(), preds, np.stack([target, scales], 2)) == 0.5


@pytest.mark.parametrize("metric", [mape(), smape(), mase(1.0)])
def test_without_a_target_there_is_no_number(metric, given):
    assert np.isnan(given.value_of(metric, np.ones((3, 1)), np.full((3, 1), np.nan)))
    assert metric.higher_is_better is False


@pytest.mark.parametrize(
    ("metric", "target", "message"),
    [
        (mase(), torch.ones(2, 3), "scale: none stands beside the targets"),
        (mase(1.5), torch.ones(2, 3, 2), "scale: 1.5 was given, and each target has its own"),
        (mase(1.5), torch.ones(2, 1), r"predictions \(2, 3\) do not go with targets \(2, 1\)"),
        (mape(), torch.ones(3), r"predictions \(2, 3\) do not go with targets \(3,\)"),
        (smape(), torch.ones(3), r"predictions \(2, 3\) do not go with targets \(3,\)"),
    ],
)
def test_what_does_not_go_together_is_refused(metric, target, message):
    with pytest.raises(ValueError, match=message):
        metric.update(torch.ones(2, 3), target)


def test_the_examples_in_the_documentation_hold():
    results = doctest.testmod(forecasts)
    assert results.attempted
    assert results.failed == 0
