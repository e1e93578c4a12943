"""The nearest-neighbour share against a loop over examples, over batches and processes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from zoo.metrics.neighbours import nearest_share, recall_at_k

CASES = range(100)


def examples(case: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings, and classes of which some have one example or none."""
    rng = np.random.default_rng(case)
    size = int(rng.integers(1, 40))
    return rng.normal(size=(size, 1 + case % 4)).astype(np.float32), rng.integers(0, 1 + case % 7, size)


def looped(embeddings: np.ndarray, target: np.ndarray, k: int) -> float:
    hits = []
    for place, (point, own) in enumerate(zip(embeddings.astype(float), target, strict=True)):
        others = [other for other in range(len(target)) if other != place]
        if own not in target[others]:
            continue
        near = sorted(others, key=lambda other: float(np.sum((point - embeddings[other].astype(float)) ** 2)))[:k]
        hits.append(own in target[near])
    return float(np.mean(hits)) if hits else float("nan")


@pytest.mark.parametrize("case", CASES)
def test_it_is_that_of_a_loop(case, given):
    embeddings, target = examples(case)
    k = 1 + case % 3
    assert given.value_of(recall_at_k(k), embeddings, target) == pytest.approx(
        looped(embeddings, target, k), nan_ok=True
    )


def test_of_one_neighbour_it_is_the_accuracy_of_scikit_learns_without_the_example_itself(given):
    rng = np.random.default_rng(0)
    target = np.arange(60) % 3
    embeddings = (rng.normal(size=(60, 4)) + target[:, None]).astype(np.float32)
    right = []
    for place in range(60):
        rest = np.arange(60) != place
        model = KNeighborsClassifier(1).fit(embeddings[rest], target[rest])
        right.append(model.predict(embeddings[place : place + 1])[0] == target[place])
    assert given.value_of(recall_at_k(), embeddings, target) == pytest.approx(np.mean(right))


@pytest.mark.parametrize("first", [0, 1, 13, 20])
def test_processes_see_each_others_examples(first, given):
    embeddings, target = examples(3)
    together = given.value_of(recall_at_k(), embeddings, target)
    assert given.value_of_ranks(recall_at_k(), embeddings, target, min(first, len(target))).item() == together


def test_many_examples_are_compared_in_parts(monkeypatch):
    embeddings, target = (torch.from_numpy(one) for one in examples(17))
    whole = nearest_share(embeddings, target)
    monkeypatch.setattr("zoo.metrics.neighbours._AT_ONCE", 3 * len(target))
    assert nearest_share(embeddings, target) == whole


def test_without_two_of_a_class_there_is_no_number():
    assert recall_at_k().compute().isnan()
    assert nearest_share(torch.rand(3, 2), torch.arange(3)).isnan()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="expected"):
        recall_at_k().update(torch.rand(3), torch.zeros(3, dtype=torch.int64))
