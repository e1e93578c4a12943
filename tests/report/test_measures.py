"""The report's numbers are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics

from zoo.report.gallery import Gallery, draw_errors, worst_errors
from zoo.report.measures import averages, overall, ranking


def case(classes: int, seed: int, examples: int = 60):
    """Probabilities with ties, and targets that the last class may be missing from."""
    draw = np.random.default_rng(seed)
    logits = np.round(draw.normal(size=(examples, classes)) * 2) / 2
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    targets = draw.integers(0, classes - (seed % 2 and classes > 2), examples)
    return torch.from_numpy(probabilities), torch.from_numpy(targets)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("classes", [2, 4, 7])
def test_measures_are_those_of_scikit_learn(classes, seed):
    probabilities, targets = case(classes, seed)
    predicted = probabilities.argmax(1)
    areas, precisions = ranking(probabilities, targets)
    for one in range(classes):
        positive = (targets == one).numpy()
        if not positive.any():
            assert areas[one] is None
            continue
        assert areas[one] == pytest.approx(metrics.roc_auc_score(positive, probabilities[:, one]), abs=1e-6)
        expected = metrics.average_precision_score(positive, probabilities[:, one])
        assert precisions[one] == pytest.approx(expected, abs=1e-6)
    rows = dict(overall(probabilities, targets, predicted, areas, precisions).rows)
    y, p = targets.numpy(), predicted.numpy()
    assert rows["accuracy"] == pytest.approx(metrics.accuracy_score(y, p))
    assert rows["balanced accuracy: mean recall"] == pytest.approx(metrics.balanced_accuracy_score(y, p))
    labels = range(classes)
    assert rows["log loss, nats"] == pytest.approx(metrics.log_loss(y, probabilities.numpy(), labels=labels))
    for k in (3, 5):
        if k < classes:
            best = probabilities.topk(k, 1).indices.numpy()
            assert rows[f"top-{k} accuracy"] == pytest.approx(
                np.mean([t in row for t, row in zip(y, best, strict=True)])
            )
    counts = [
        torch.bincount(one, minlength=classes).tolist() for one in (targets, predicted, targets[predicted == targets])
    ]
    for name, *values in averages(*counts).rows:
        kind = name.split(":")[0]
        expected = metrics.precision_recall_fscore_support(y, p, average=kind, zero_division=0)[:3]
        assert values == pytest.approx(expected), name


def test_the_surest_errors_come_first():
    probabilities = torch.tensor([[0.9, 0.1], [0.3, 0.7], [0.2, 0.8], [0.6, 0.4]])
    targets = torch.tensor([0, 0, 0, 1])
    found = worst_errors(probabilities, targets, probabilities.argmax(1))
    assert [(place, right, wrong) for place, right, wrong, _ in found] == [(2, 0, 1), (1, 0, 1), (3, 1, 0)]
    assert [value for *_, value in found] == pytest.approx([0.8, 0.7, 0.6])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_thumbnails_are_of_the_examples_that_count(channels):
    asked = []

    def load(places):
        asked.extend(places)
        return torch.zeros(len(places), channels, 8, 8, dtype=torch.uint8)

    gallery = Gallery(load, [f"{place}.png" for place in range(10)])
    picture = draw_errors(gallery, [(2, 0, 1, 0.8), (0, 1, 0, 0.6)], [5, 7, 9], ["ant", "bee"])
    assert asked == [9, 5]
    assert picture.name == "errors"
    assert picture.png.startswith(b"\x89PNG")
