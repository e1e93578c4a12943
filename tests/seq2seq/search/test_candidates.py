"""The best continuations, and what is done about equal ones."""

import pytest
import torch

from zoo.seq2seq.search.candidates import top

SHAPES = [(1, 50), (1, 8000), (5, 8000), (3, 2048), (4, 700), (2, 5000), (7, 129), (16, 128)]


def by_sorting(log_probabilities, totals, k):
    """All continuations sorted: by value, then by slot, then by token."""
    values = (log_probabilities.double() + totals.unsqueeze(-1)).flatten(1)
    vocabulary = log_probabilities.shape[-1]
    for row in values.tolist():
        order = sorted(range(len(row)), key=lambda index: (-row[index], index))[:k]
        yield [(row[index], index // vocabulary, index % vocabulary) for index in order]


def found(log_probabilities, totals, k):
    parts = (part.tolist() for part in top(log_probabilities, totals, k))
    return [list(zip(*row, strict=True)) for row in zip(*parts, strict=True)]


@pytest.mark.parametrize(("hypotheses", "vocabulary"), SHAPES)
@pytest.mark.parametrize("k", [1, 5, 12])
@pytest.mark.parametrize("levels", [None, 30, 3, 1], ids=["all differ", "some tie", "most tie", "all tie"])
def test_they_are_those_of_a_sort(hypotheses, vocabulary, k, levels):
    random = torch.Generator().manual_seed(hypotheses * vocabulary)
    log_probabilities = torch.randn(3, hypotheses, vocabulary, generator=random)
    totals = torch.randn(3, hypotheses, generator=random, dtype=torch.float64)
    if levels is not None:
        log_probabilities = (log_probabilities.sigmoid() * levels).floor()
        totals = totals.round()
    assert found(log_probabilities, totals, k) == list(by_sorting(log_probabilities, totals, k))


@pytest.mark.parametrize(("hypotheses", "vocabulary"), SHAPES)
def test_places_without_a_hypothesis_give_none(hypotheses, vocabulary):
    random = torch.Generator().manual_seed(0)
    log_probabilities = torch.randn(2, hypotheses, vocabulary, generator=random)
    log_probabilities[0, :, 3:] = -torch.inf
    totals = torch.zeros(2, hypotheses, dtype=torch.float64)
    totals[0, 1:] = -torch.inf
    for row, expected in zip(
        found(log_probabilities, totals, 5), by_sorting(log_probabilities, totals, 5), strict=True
    ):
        finite = [one for one in expected if one[0] > -float("inf")]
        assert row[: len(finite)] == finite
        assert all(value == -float("inf") for value, _, _ in row[len(finite) :])


def test_fewer_than_asked_for_are_all():
    log_probabilities, totals = torch.randn(2, 2, 3), torch.zeros(2, 2, dtype=torch.float64)
    assert top(log_probabilities, totals, 50).tokens.shape == (2, 6)
