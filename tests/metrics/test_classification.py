import copy
import warnings

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from zoo.metrics import classification
from zoo.metrics.classification import (
    accuracy,
    average_precision,
    balanced_accuracy,
    f1,
    precision,
    recall,
    roc_auc,
)

CASES = range(30)
COUNTING = {
    "precision": (precision, sk.precision_score),
    "recall": (recall, sk.recall_score),
    "f1": (f1, sk.f1_score),
}
RANKING = {"roc_auc": (roc_auc, sk.roc_auc_score), "average_precision": (average_precision, sk.average_precision_score)}


def binary(case: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with ties, both classes present."""
    rng = np.random.default_rng(case)
    target = np.concatenate([[0, 1], rng.integers(0, 2, rng.integers(1, 40))])
    return (rng.integers(0, 8, len(target)) / 8 + 0.03).astype(np.float32), target


def multiclass(case: int) -> tuple[np.ndarray, np.ndarray]:
    """Five classes; the last has no example in every second case."""
    rng = np.random.default_rng(case)
    target = np.concatenate([np.arange(4), rng.integers(0, 5 - case % 2, rng.integers(1, 40))])
    if case % 2 == 0:
        target = np.concatenate([target, [4]])
    logits = rng.integers(-3, 4, (len(target), 5)) + 1e-3 * rng.permuted(
        np.tile(np.arange(5), (len(target), 1)), axis=1
    )
    p = np.exp(logits)
    return (p / p.sum(1, keepdims=True)).astype(np.float32), target


def multilabel(case: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(case)
    n = rng.integers(4, 40)
    target = rng.integers(0, 2, (n, 3))
    target[0], target[1] = 0, 1
    return (rng.integers(0, 8, (n, 3)) / 8 + 0.03).astype(np.float32), target


def value_of(metric, preds: np.ndarray, target: np.ndarray, batch: int = 7) -> float:
    """Over batches; no metric may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in range(0, len(preds), batch):
            part = slice(start, start + batch)
            metric.update(torch.from_numpy(preds[part]), torch.from_numpy(target[part]))
        value = metric.compute()
    assert value.shape == ()
    return value.item()


@pytest.mark.parametrize("case", CASES)
def test_accuracies_are_scikit_learns(case):
    preds, target = binary(case)
    assert value_of(accuracy("binary"), preds, target) == pytest.approx(sk.accuracy_score(target, preds > 0.5))
    assert value_of(accuracy("binary", threshold=0.2), preds, target) == pytest.approx(
        sk.accuracy_score(target, preds > 0.2)
    )
    assert value_of(balanced_accuracy("binary"), preds, target) == pytest.approx(
        sk.balanced_accuracy_score(target, preds > 0.5)
    )
    assert value_of(balanced_accuracy("binary", threshold=0.7), preds, target) == pytest.approx(
        sk.balanced_accuracy_score(target, preds > 0.7)
    )
    preds, target = multiclass(case)
    assert value_of(accuracy("multiclass", 5), preds, target) == pytest.approx(
        sk.accuracy_score(target, preds.argmax(1))
    )
    assert value_of(accuracy("multiclass", 5, top_k=2), preds, target) == pytest.approx(
        sk.top_k_accuracy_score(target, preds, k=2, labels=range(5))
    )
    preds, target = multilabel(case)
    assert value_of(accuracy("multilabel", num_labels=3), preds, target) == pytest.approx(
        sk.accuracy_score(target.ravel(), preds.ravel() > 0.5)
    )


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("case", CASES)
def test_balanced_accuracy_leaves_out_classes_without_an_example(case):
    preds, target = multiclass(case)
    expected = sk.balanced_accuracy_score(target, preds.argmax(1))
    assert value_of(balanced_accuracy("multiclass", 5), preds, target) == pytest.approx(expected)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", sorted(COUNTING))
def test_counting_metrics_are_scikit_learns(name, case):
    ours, theirs = COUNTING[name]
    preds, target = binary(case)
    for threshold in (0.5, 0.3):
        assert value_of(ours("binary", threshold=threshold), preds, target) == pytest.approx(
            theirs(target, preds > threshold, zero_division=0)
        )
    for average in ("macro", "micro", "weighted"):
        preds, target = multiclass(case)
        assert value_of(ours("multiclass", 5, average=average), preds, target) == pytest.approx(
            theirs(target, preds.argmax(1), average=average, zero_division=0)
        )
        preds, target = multilabel(case)
        assert value_of(
            ours("multilabel", num_labels=3, average=average, threshold=0.3), preds, target
        ) == pytest.approx(theirs(target, preds > 0.3, average=average, zero_division=0))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("case", CASES)
def test_f_with_beta_is_scikit_learns(beta, case):
    preds, target = multiclass(case)
    expected = sk.fbeta_score(target, preds.argmax(1), beta=beta, average="macro", zero_division=0)
    assert value_of(f1("multiclass", 5, beta=beta), preds, target) == pytest.approx(expected)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", sorted(RANKING))
def test_ranking_metrics_with_ties_are_scikit_learns(name, case):
    ours, theirs = RANKING[name]
    preds, target = binary(case)
    assert value_of(ours("binary"), preds, target) == pytest.approx(theirs(target, preds), rel=1e-5)
    for average in ("macro", "weighted"):
        preds, target = multilabel(case)
        assert value_of(ours("multilabel", num_labels=3, average=average), preds, target) == pytest.approx(
            theirs(target, preds, average=average), rel=1e-5
        )
        preds, target = multiclass(case)
        present = np.unique(target)
        one_hot = np.eye(5)[target]
        scores = [theirs(one_hot[:, k], preds[:, k]) for k in present]
        weights = None if average == "macro" else [one_hot[:, k].sum() for k in present]
        assert value_of(ours("multiclass", 5, average=average), preds, target) == pytest.approx(
            np.average(scores, weights=weights), rel=1e-5
        )


def test_auc_by_rank_is_auc_by_pairs():
    preds, target = binary(3)
    wins = [(p > n) + (p == n) / 2 for p in preds[target == 1] for n in preds[target == 0]]
    assert value_of(roc_auc("binary"), preds, target) == pytest.approx(np.mean(wins))


def test_multiclass_roc_auc_is_scikit_learns_one_versus_rest():
    preds, target = multiclass(0)
    expected = sk.roc_auc_score(
        target, preds.astype(np.float64) / preds.astype(np.float64).sum(1, keepdims=True), multi_class="ovr"
    )
    assert value_of(roc_auc("multiclass", 5), preds, target) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_no_roc_area(label):
    assert np.isnan(value_of(roc_auc("binary"), np.array([0.2, 0.7], np.float32), np.full(2, label)))


def test_without_a_positive_there_is_no_average_precision():
    assert np.isnan(value_of(average_precision("binary"), np.array([0.2, 0.7], np.float32), np.zeros(2, int)))


@pytest.mark.parametrize(
    ("name", "task"),
    [
        (name, task)
        for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "average_precision")
        for task in ("binary", "multiclass", "multilabel")
        if (name, task) != ("balanced_accuracy", "multilabel")
    ],
)
def test_batches_resets_and_copies_do_not_change_a_value(name, task):
    factory = getattr(classification, name)
    assert task in factory.problems
    sizes = {"binary": {}, "multiclass": {"num_classes": 5}, "multilabel": {"num_labels": 3}}[task]
    preds, target = {"binary": binary, "multiclass": multiclass, "multilabel": multilabel}[task](1)
    metric = factory(task, **sizes)
    whole = value_of(metric, preds, target, batch=1000)
    metric.reset()
    assert value_of(metric, preds, target, batch=1) == pytest.approx(whole)
    assert value_of(copy.deepcopy(factory(task, **sizes)), preds, target) == pytest.approx(whole)
    assert metric.higher_is_better


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: accuracy("multiclass"), "num_classes: a multiclass metric needs it"),
        (lambda: roc_auc("multilabel"), "num_labels: a multilabel metric needs it"),
        (lambda: accuracy("binary", top_k=2), "top_k: has no meaning for a binary problem"),
        (lambda: accuracy("multiclass", 3, top_k=4), "top_k: 4 of 3 classes"),
        (lambda: accuracy("multiclass", 3, threshold=0.3), "threshold: has no meaning for a multiclass problem"),
        (lambda: balanced_accuracy("multiclass", 3, threshold=0.3), "threshold: has no meaning"),
        (lambda: f1("multiclass", 3, threshold=0.3), "threshold: has no meaning"),
        (lambda: precision("binary", average="macro"), "average: has no meaning for a binary problem"),
        (lambda: roc_auc("binary", average="macro"), "average: has no meaning for a binary problem"),
    ],
)
def test_an_argument_without_a_meaning_for_the_problem_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
