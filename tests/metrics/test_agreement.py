"""Balanced accuracy, Matthews' and Cohen's coefficients and the confusion matrix against scikit-learn's."""

import doctest
from functools import partial

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from zoo.metrics import functional
from zoo.metrics.agreement import balanced_accuracy, cohen_kappa, mcc
from zoo.metrics.confusion import confusion_matrix
from zoo.metrics.functional import agreement, confusion

CASES = range(100)
pytestmark = [
    pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true"),
    pytest.mark.filterwarnings("ignore:A single label was found"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
]
SCORES = {
    "balanced_accuracy": (balanced_accuracy, sk.balanced_accuracy_score),
    "mcc": (mcc, sk.matthews_corrcoef),
    "cohen_kappa": (cohen_kappa, sk.cohen_kappa_score),
}
for weights in ("linear", "quadratic"):
    SCORES[f"{weights} kappa"] = (
        partial(cohen_kappa, weights=weights),
        partial(sk.cohen_kappa_score, weights=weights, labels=range(5)),
    )


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("case", CASES)
def test_agreement_is_scikit_learns(name, case, given):
    ours, theirs = SCORES[name]
    for threshold in (0.5, 0.25):
        preds, target = given.binary(case)
        expected = theirs(target, (preds > threshold).astype(int))
        value = given.value_of(ours("binary", threshold=threshold), preds, target)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
    preds, target = given.multiclass(case)
    value = given.value_of(ours("multiclass", 5), preds, target)
    assert value == pytest.approx(theirs(target, preds.argmax(1)), rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("case", range(20))
def test_functions_and_classes_agree(case, given):
    for problem in ("binary", "multiclass"):
        preds, target = given.of[problem](case)
        for name in ("balanced_accuracy", "mcc", "cohen_kappa"):
            value = given.value_of(SCORES[name][0](problem, **given.sizes[problem]), preds, target)
            found = getattr(functional, name)(torch.from_numpy(preds), torch.from_numpy(target)).item()
            assert found == pytest.approx(value, rel=1e-12, nan_ok=True)


def test_coefficients_keep_their_digits_with_millions_of_examples():
    matrix = torch.tensor([[30_000_001, 5_000_000], [7_000_003, 40_000_009]])
    (tn, fp), (fn, tp) = matrix.tolist()
    exact = (tp * tn - fp * fn) / (((tp + fp) * (tp + fn)) ** 0.5 * ((tn + fp) * (tn + fn)) ** 0.5)
    assert agreement.correlation(matrix).item() == pytest.approx(exact, rel=1e-12)
    total = matrix.sum().item()
    observed = (tp + tn) / total
    chance = ((tp + fn) * (tp + fp) + (tn + fp) * (tn + fn)) / total**2
    assert agreement.chance_corrected(matrix, "none").item() == pytest.approx((observed - chance) / (1 - chance))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("normalize", ["none", "true", "pred", "all"])
def test_the_confusion_matrix_is_scikit_learns(case, normalize, given):
    how = None if normalize == "none" else normalize
    for problem in given.of:
        preds, target = given.of[problem](case)
        metric = confusion_matrix(problem, **given.sizes[problem], normalize=normalize)
        for start in range(0, len(preds), 7):
            metric.update(torch.from_numpy(preds[start : start + 7]), torch.from_numpy(target[start : start + 7]))
        if problem == "multilabel":
            each = range(3)
            expected = [
                sk.confusion_matrix(target[:, k], preds[:, k] > 0.5, labels=[0, 1], normalize=how) for k in each
            ]
        else:
            classes = (preds > 0.5).astype(int) if problem == "binary" else preds.argmax(1)
            labels = range(2 if problem == "binary" else 5)
            expected = sk.confusion_matrix(target, classes, labels=labels, normalize=how)
        np.testing.assert_allclose(metric.compute(), expected, rtol=1e-12)
        found = functional.confusion_matrix(torch.from_numpy(preds), torch.from_numpy(target), normalize=normalize)
        np.testing.assert_array_equal(metric.compute(), found)


def test_the_numbers_of_a_confusion_matrix_are_named_for_what_they_count():
    metric = confusion_matrix("binary")
    metric.update(torch.tensor([0.9, 0.8, 0.7, 0.1, 0.2, 0.3, 0.6, 0.9]), torch.tensor([1, 1, 1, 1, 1, 0, 0, 1]))
    assert metric.numbers(metric.compute()) == {"tn": 1, "fp": 1, "fn": 2, "tp": 4}
    metric = confusion_matrix("multiclass", 3)
    metric.update(torch.eye(3)[[0, 1, 0, 0]], torch.tensor([0, 1, 2, 2]))
    numbers = metric.numbers(metric.compute())
    assert {name for name, value in numbers.items() if value} == {"0_as_0", "1_as_1", "2_as_0"}
    assert numbers["2_as_0"] == 2
    assert len(numbers) == 9
    metric = confusion_matrix("multilabel", num_labels=2, normalize="all")
    metric.update(torch.tensor([[0.9, 0.1], [0.8, 0.9]]), torch.tensor([[1, 0], [0, 0]]))
    first, second = {"tn": 0, "fp": 0.5, "fn": 0, "tp": 0.5}, {"tn": 0.5, "fp": 0.5, "fn": 0, "tp": 0}
    expected = {f"{label}/{name}": one for label, four in enumerate((first, second)) for name, one in four.items()}
    assert metric.numbers(metric.compute()) == expected


@pytest.mark.parametrize("problem", ["binary", "multiclass", "multilabel"])
def test_the_picture_of_a_confusion_matrix_has_its_counts(problem, given):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    preds, target = given.of[problem](9)
    metric = confusion_matrix(problem, **given.sizes[problem])
    metric.update(torch.from_numpy(preds), torch.from_numpy(target))
    figure, _ = metric.plot()
    shown = [float(text.get_text()) for axes in figure.axes for text in axes.texts]
    assert shown == [float(one) for one in metric.compute().flatten()]
    pyplot.close(figure)


@pytest.mark.parametrize("factory", [balanced_accuracy, mcc, cohen_kappa])
def test_without_examples_there_is_no_number(factory):
    metric = factory("binary")
    metric.update(torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    assert metric.compute().isnan()


@pytest.mark.parametrize("factory", [balanced_accuracy, mcc, cohen_kappa, confusion_matrix])
def test_an_argument_without_a_meaning_for_the_problem_is_refused(factory):
    with pytest.raises(ValueError, match="threshold: has no meaning for a multiclass problem"):
        factory("multiclass", 3, threshold=0.3)
    with pytest.raises(ValueError, match="num_classes: a multiclass metric needs it"):
        factory("multiclass")


@pytest.mark.parametrize("module", [agreement, confusion])
def test_the_examples_in_the_documentation_hold(module):
    results = doctest.testmod(module)
    assert results.attempted
    assert results.failed == 0
