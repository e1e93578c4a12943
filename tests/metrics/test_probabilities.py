"""Log loss, Brier's score and calibration against scikit-learn's and plain loops."""

import doctest
import math

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from zoo.metrics import calibration, probabilities
from zoo.metrics.calibration import ece
from zoo.metrics.probabilities import brier, log_loss

CASES = range(100)
BINS = (1, 4, 10, 15)


@pytest.mark.parametrize("case", CASES)
def test_log_loss_is_scikit_learns(case, given):
    preds, target = given.binary(case)
    expected = sk.log_loss(target, preds, labels=[0, 1])
    assert given.value_of(log_loss("binary"), preds, target) == pytest.approx(expected, rel=1e-6)
    preds, target = given.multiclass(case)
    expected = sk.log_loss(target, preds, labels=range(5))
    assert given.value_of(log_loss("multiclass"), preds, target) == pytest.approx(expected, rel=1e-6)
    preds, target = given.multilabel(case)
    expected = np.mean([sk.log_loss(target[:, k], preds[:, k], labels=[0, 1]) for k in range(3)])
    assert given.value_of(log_loss("multilabel"), preds, target) == pytest.approx(expected, rel=1e-6)


def test_a_sure_mistake_costs_no_more_than_the_digits_of_its_type():
    for dtype in (torch.float32, torch.float64):
        metric = log_loss("binary")
        metric.update(torch.tensor([1.0], dtype=dtype), torch.tensor([0]))
        assert metric.compute().item() == pytest.approx(-math.log(torch.finfo(dtype).eps))


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")  # those of float32, by 1e-7
@pytest.mark.parametrize("case", CASES)
def test_brier_is_scikit_learns(case, given):
    preds, target = given.binary(case)
    expected = sk.brier_score_loss(target, preds.astype(np.float64), labels=[0, 1], pos_label=1)
    assert given.value_of(brier("binary"), preds, target) == pytest.approx(expected, rel=1e-6)
    preds, target = given.multiclass(case)
    expected = sk.brier_score_loss(target, preds.astype(np.float64), labels=range(5))
    assert given.value_of(brier("multiclass"), preds, target) == pytest.approx(expected, rel=1e-6)
    preds, target = given.multilabel(case)
    expected = ((preds.astype(np.float64) - target) ** 2).mean()
    assert given.value_of(brier("multilabel"), preds, target) == pytest.approx(expected, rel=1e-6)


def calibrated(target, preds, bins: int) -> float:
    """Gaps of scikit-learn's calibration curve, weighted by the bins' shares of examples."""
    shares, means = calibration_curve(target, preds, n_bins=bins)
    edges = np.linspace(0, 1, bins + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], preds), minlength=bins)
    return np.average(np.abs(shares - means), weights=counts[counts > 0])


@pytest.mark.parametrize("case", CASES)
def test_the_calibration_error_is_that_of_scikit_learns_curve(case, given):
    bins = BINS[case % 4]
    preds, target = given.binary(case)
    expected = calibrated(target, preds.astype(np.float64), bins)
    assert given.value_of(ece("binary", bins=bins), preds, target) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    preds, target = given.multiclass(case)
    expected = calibrated(preds.argmax(1) == target, preds.max(1).astype(np.float64), bins)
    assert given.value_of(ece("multiclass", bins=bins), preds, target) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    preds, target = given.multilabel(case)
    expected = np.mean([calibrated(target[:, k], preds[:, k].astype(np.float64), bins) for k in range(3)])
    value = given.value_of(ece("multilabel", num_labels=3, bins=bins), preds, target)
    assert value == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("case", range(10))
def test_the_calibration_error_is_equation_5_of_guo_et_al(case, given):
    preds, target = given.multiclass(case)
    confidence, right = preds.max(1).astype(np.float64), preds.argmax(1) == target
    expected = 0.0
    for m in range(1, 5):
        inside = (confidence > (m - 1) / 4) & (confidence <= m / 4)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert given.value_of(ece("multiclass", bins=4), preds, target) == pytest.approx(expected)


@pytest.mark.parametrize("factory", [log_loss, brier, ece])
def test_without_examples_there_is_no_number(factory):
    metric = factory("binary")
    metric.update(torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    assert metric.compute().isnan()
    assert not metric.higher_is_better


def test_labels_of_unknown_number_have_no_calibration():
    with pytest.raises(ValueError, match="num_labels: a multilabel metric needs it"):
        ece("multilabel")


@pytest.mark.parametrize("module", [probabilities, calibration])
def test_the_examples_in_the_documentation_hold(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert results.failed == 0
