"""Gain and lift against a walk through all examples, and against all orders of those that tie."""

from itertools import permutations

import numpy as np
import pytest
import torch

from zoo.metrics import functional
from zoo.metrics.gains import gain, lift

CASES = range(100)
SHARES = (0.1, 0.25, 0.5, 0.8, 1.0)


def walked(target, preds, share: float) -> float:
    """Examples taken tie by tie, of the last one the part that is left."""
    left, found = share * len(target), 0.0
    for value in sorted(set(preds), reverse=True):
        tied = target[preds == value]
        part = min(1.0, left / len(tied))
        found, left = found + part * tied.sum(), left - part * len(tied)
    return found / target.sum()


@pytest.mark.parametrize("case", CASES)
def test_gain_and_lift_are_those_of_a_walk_through_the_ranking(case, given):
    share = SHARES[case % len(SHARES)]
    preds, target = given.binary(case)
    for metric, scale in ((gain, 1), (lift, share)):
        value = given.value_of(metric("binary", share=share), preds, target)
        expected = walked(target, preds, share) / scale if target.any() else np.nan
        assert value == pytest.approx(expected, rel=1e-9, nan_ok=True)
    for problem in ("multiclass", "multilabel"):
        preds, target = given.of[problem](case)
        columns = np.eye(5, dtype=int)[target] if problem == "multiclass" else target
        scored = [k for k in range(columns.shape[1]) if columns[:, k].any()]
        expected = [walked(columns[:, k], preds[:, k], share) / share for k in scored]
        for average in ("macro", "weighted"):
            metric = lift(problem, **given.sizes[problem], share=share, average=average)
            value = given.value_of(metric, preds, target)
            weights = columns[:, scored].sum(0) if average == "weighted" else None
            assert value == pytest.approx(np.average(expected, weights=weights)) if scored else np.isnan(value)


@pytest.mark.parametrize("first", range(1, 7))
def test_within_a_tie_the_gain_is_what_a_random_order_would_have(first):
    preds = np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.1])
    target = np.array([0, 1, 0, 1, 1, 1])
    found = []
    for order in permutations(range(6)):
        if (np.diff(preds[list(order)]) <= 0).all():
            found.append(target[list(order)][:first].sum() / target.sum())
    value = functional.gain(torch.from_numpy(preds), torch.from_numpy(target), share=first / 6)
    assert value.item() == pytest.approx(np.mean(found))
    value = functional.lift(torch.from_numpy(preds), torch.from_numpy(target), share=first / 6)
    assert value.item() == pytest.approx(np.mean(found) * 6 / first)


def test_all_examples_have_all_positives_and_no_lift(given):
    for case in range(2, 10):
        preds, target = given.binary(case)
        assert given.value_of(gain("binary", share=1.0), preds, target) == pytest.approx(1.0)
        assert given.value_of(lift("binary", share=1.0), preds, target) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [gain, lift])
def test_the_picture_shows_the_curve_that_the_number_is_read_from(metric, given):
    preds, target = given.binary(5)
    built = metric("binary", share=0.3)
    value = given.value_of(built, preds, target)
    _, axes = built.plot()
    x, y = axes.lines[0].get_xydata().T
    if metric is lift:  # whose curve is no line between ties, but its gain is
        value, y, x = 0.3 * value, np.append(0, x * y), np.append(0, x)
    assert np.interp(0.3, x, y) == pytest.approx(value)
