"""Ranking metrics against scikit-learn, scipy and all pairs."""

import copy
import doctest
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics as sk

from zoo.metrics import functional
from zoo.metrics.functional import ranking as functions
from zoo.metrics.ranking import average_precision, gini, ks, pr_auc, roc_auc

CASES = range(100)
SAME = partial(pytest.approx, rel=1e-6, abs=1e-9)


def by_pairs(target, preds) -> float:
    positives, negatives = preds[target == 1], preds[target == 0]
    return np.mean([(p > n) + (p == n) / 2 for p in positives for n in negatives])


def by_points(target, preds) -> float:
    precisions, recalls, _ = sk.precision_recall_curve(target, preds)
    return sk.auc(recalls, precisions)


SCORES = {
    "roc_auc": (roc_auc, sk.roc_auc_score),
    "roc_auc by pairs": (roc_auc, by_pairs),
    "gini": (gini, lambda target, preds: 2 * by_pairs(target, preds) - 1),
    "ks": (ks, lambda target, preds: stats.ks_2samp(preds[target == 1], preds[target == 0], method="asymp").statistic),
    "average_precision": (average_precision, sk.average_precision_score),
    "pr_auc": (pr_auc, by_points),
}
BOTH_CLASSES = ("roc_auc", "roc_auc by pairs", "gini", "ks")


def defined(name: str, target: np.ndarray) -> bool:
    return target.sum() > 0 and (name not in BOTH_CLASSES or target.sum() < len(target))


@pytest.mark.filterwarnings("ignore:divide by zero")  # scipy's p-value, of a statistic of zero
@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_scikit_learn_scipy_and_pairs(name, case, given):
    ours, theirs = SCORES[name]
    preds, target = given.binary(case)
    value = given.value_of(ours("binary"), preds, target)
    assert value == SAME(theirs(target, preds)) if defined(name, target) else np.isnan(value)
    for problem in ("multiclass", "multilabel"):
        preds, target = given.of[problem](case)
        columns = np.eye(5, dtype=int)[target] if problem == "multiclass" else target
        scored = [k for k in range(columns.shape[1]) if defined(name, columns[:, k])]
        scores = [theirs(columns[:, k], preds[:, k]) for k in scored]
        for average in ("macro", "weighted"):
            value = given.value_of(ours(problem, **given.sizes[problem], average=average), preds, target)
            weights = columns[:, scored].sum(0) if average == "weighted" else None
            assert value == SAME(np.average(scores, weights=weights)) if scored else np.isnan(value)


@pytest.mark.parametrize("case", range(2, 10))
def test_multiclass_roc_auc_is_scikit_learns_one_versus_rest(case, given):
    preds, target = given.multiclass(10 * case + 4)
    preds, target = np.concatenate([preds, np.eye(5, dtype=np.float32)]), np.concatenate([target, np.arange(5)])
    exact = preds.astype(np.float64)
    expected = sk.roc_auc_score(target, exact / exact.sum(1, keepdims=True), multi_class="ovr")
    assert given.value_of(roc_auc("multiclass", 5), preds, target) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["roc_auc", "gini", "ks", "average_precision", "pr_auc"])
def test_function_and_class_agree_whatever_order_the_examples_have(name, case, given):
    for problem in given.of:
        preds, target = given.of[problem](case)
        value = given.value_of(SCORES[name][0](problem, **given.sizes[problem]), preds, target)
        order = np.random.default_rng(case).permutation(len(preds))
        found = getattr(functional, name)(torch.from_numpy(preds[order]), torch.from_numpy(target[order]))
        assert found.item() == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("scale", [1e-6, 1e-30])
def test_probabilities_that_differ_in_float64_alone_do_not_tie(scale):
    preds = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64) * scale * 1e-6 + 0.5 * (scale > 1e-20)
    target = torch.tensor([0, 1, 0, 1])
    metric = roc_auc("binary")
    metric.update(preds, target)
    assert metric.compute().item() == functional.roc_auc(preds, target).item() == 0.75


@pytest.mark.parametrize("name", sorted(SCORES.keys() - {"roc_auc by pairs"}))
def test_a_diverged_model_has_no_score(name, given):
    for problem in given.of:
        preds, target = given.of[problem](4)
        preds[0] = np.nan
        assert np.isnan(given.value_of(SCORES[name][0](problem, **given.sizes[problem]), preds, target))


@pytest.mark.parametrize("name", ["roc_auc", "gini", "ks", "average_precision", "pr_auc"])
@pytest.mark.parametrize("problem", ["binary", "multiclass", "multilabel"])
def test_the_picture_shows_the_curve_that_the_number_is_read_from(name, problem, given):
    preds, target = given.of[problem](4)
    metric = SCORES[name][0](problem, **given.sizes[problem])
    value = given.value_of(metric, preds, target)
    figure, axes = metric.plot()
    assert f"{value:.4f}" in axes.get_title()
    curves = [line.get_xydata() for line in axes.lines]
    columns = {"binary": 1, "multiclass": len(np.unique(target)), "multilabel": (target.sum(0) > 0).sum()}
    assert 1 <= len(curves) <= columns[problem]
    x, y = curves[0].T
    first = axes.get_legend_handles_labels()[1][0]
    read = {
        "roc_auc": lambda: np.trapezoid(y, x),
        "gini": lambda: 2 * np.trapezoid(y, x) - 1,
        "ks": lambda: np.abs(y).max(),
        "average_precision": lambda: (np.diff(x) * y[1:]).sum(),
        "pr_auc": lambda: np.trapezoid(y, x),
    }[name]()
    assert float(first.split(": ")[-1]) == pytest.approx(read, abs=1e-4)
    again, same = metric.plot(ax=axes)
    assert (again, same) == (figure, axes)


def test_the_picture_of_values_is_torchmetrics(given):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    metric = copy.deepcopy(ks("binary"))
    values = [metric(torch.tensor([0.2, 0.7, 0.6]), torch.tensor([0, 1, 0])) for _ in range(3)]
    figure, axes = metric.plot(values)
    assert axes.lines[0].get_ydata().tolist() == [1.0, 1.0, 1.0]
    pyplot.close(figure)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ValueError, match=r"predictions \(3, 1\) do not go with targets \(2, 1\)"):
        functional.ks(torch.rand(3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="average: has no meaning for a binary problem"):
        ks("binary", average="macro")
    with pytest.raises(ValueError, match="num_labels: a multilabel metric needs it"):
        roc_auc("multilabel")


def test_the_examples_in_the_documentation_hold():
    results = doctest.testmod(functions)
    assert results.attempted
    assert results.failed == 0
