"""Shares of right decisions against scikit-learn's."""

from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sk

from zoo.metrics.classification import accuracy, f1, f_beta, precision, recall, specificity

CASES = range(100)
SAME = partial(pytest.approx, rel=1e-6, abs=1e-6)
COUNTING = {
    "precision": (precision, sk.precision_score),
    "recall": (recall, sk.recall_score),
    "f1": (f1, sk.f1_score),
    "f_beta": (f_beta, partial(sk.fbeta_score, beta=2)),
    "f_half": (partial(f_beta, beta=0.5), partial(sk.fbeta_score, beta=0.5)),
}


@pytest.mark.parametrize("case", CASES)
def test_accuracy_is_scikit_learns(case, given):
    preds, target = given.binary(case)
    for threshold in (0.5, 0.25):
        expected = sk.accuracy_score(target, preds > threshold)
        assert given.value_of(accuracy("binary", threshold=threshold), preds, target) == SAME(expected)
    preds, target = given.multiclass(case)
    assert given.value_of(accuracy("multiclass", 5), preds, target) == SAME(sk.accuracy_score(target, preds.argmax(1)))
    preds, target = given.multilabel(case)
    expected = sk.accuracy_score(target.ravel(), preds.ravel() > 0.5)
    assert given.value_of(accuracy("multilabel", num_labels=3), preds, target) == SAME(expected)


@pytest.mark.parametrize("case", CASES)
def test_top_k_accuracy_is_scikit_learns(case, given):
    preds, target = given.multiclass(case)
    preds = preds + np.random.default_rng(case).permuted(np.tile(np.arange(5) * 1e-4, (len(preds), 1)), axis=1)
    preds = (preds / preds.sum(1, keepdims=True)).astype(np.float32)  # without ties, which each breaks in its own way
    expected = sk.top_k_accuracy_score(target, preds, k=2, labels=range(5))
    assert given.value_of(accuracy("multiclass", 5, top_k=2), preds, target) == SAME(expected)


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("case", CASES)
def test_counting_metrics_are_scikit_learns(name, case, given):
    ours, theirs = COUNTING[name]
    preds, target = given.binary(case)
    threshold = 0.5 if case % 3 else 0.25
    expected = theirs(target, preds > threshold, zero_division=0)
    assert given.value_of(ours("binary", threshold=threshold), preds, target) == SAME(expected)
    for average in ("macro", "micro", "weighted"):
        preds, target = given.multiclass(case)
        expected = theirs(target, preds.argmax(1), average=average, zero_division=0)
        assert given.value_of(ours("multiclass", 5, average=average), preds, target) == SAME(expected)
        preds, target = given.multilabel(case)
        expected = theirs(target, preds > threshold, average=average, zero_division=0)
        metric = ours("multilabel", num_labels=3, average=average, threshold=threshold)
        assert given.value_of(metric, preds, target) == SAME(expected)


@pytest.mark.parametrize("case", CASES)
def test_specificity_is_scikit_learns_recall_of_what_is_not_of_a_class(case, given):
    preds, target = given.binary(case)
    expected = sk.recall_score(target, preds > 0.5, pos_label=0, zero_division=0)
    assert given.value_of(specificity("binary"), preds, target) == SAME(expected)

    preds, target = given.multilabel(case)
    each = [sk.recall_score(target[:, k] == 0, preds[:, k] <= 0.5, zero_division=0) for k in range(3)]
    assert given.value_of(specificity("multilabel", num_labels=3), preds, target) == SAME(np.mean(each))
    expected = sk.recall_score(target.ravel() == 0, preds.ravel() <= 0.5, zero_division=0)
    metric = specificity("multilabel", num_labels=3, average="micro")
    assert given.value_of(metric, preds, target) == SAME(expected)

    preds, target = given.multiclass(case)
    classes = preds.argmax(1)
    seen = np.union1d(target, classes)
    each = [sk.recall_score(target != k, classes != k, zero_division=0) for k in seen]
    assert given.value_of(specificity("multiclass", 5), preds, target) == SAME(np.mean(each))
    weights = [(target == k).sum() for k in seen]
    metric = specificity("multiclass", 5, average="weighted")
    assert given.value_of(metric, preds, target) == SAME(np.average(each, weights=weights))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: accuracy("multiclass"), "num_classes: a multiclass metric needs it"),
        (lambda: f_beta("multilabel"), "num_labels: a multilabel metric needs it"),
        (lambda: accuracy("binary", top_k=2), "top_k: has no meaning for a binary problem"),
        (lambda: accuracy("multiclass", 3, top_k=4), "top_k: 4 of 3 classes"),
        (lambda: accuracy("multiclass", 3, threshold=0.3), "threshold: has no meaning for a multiclass problem"),
        (lambda: f1("multiclass", 3, threshold=0.3), "threshold: has no meaning"),
        (lambda: specificity("binary", average="macro"), "average: has no meaning for a binary problem"),
    ],
)
def test_an_argument_without_a_meaning_for_the_problem_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
