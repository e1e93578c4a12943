"""Perplexity, token accuracy and the entropy of attention, against loops over Python's own floats."""

import copy
import doctest
import math

import pytest
import torch

from zoo.metrics import teacher_forced
from zoo.metrics.teacher_forced import attention_entropy, perplexity, token_accuracy

CASES = range(20)


def logits_of(case: int, positions: int = 50, size: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(case)
    return 3 * torch.randn(positions, size, generator=random), torch.randint(size, (positions,), generator=random)


def weights_of(case: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (6, 5, 4) that do not sum to one, some of them zero, and lengths 1 to 5."""
    random = torch.Generator().manual_seed(case)
    weights = torch.rand(6, 5, 4, generator=random) * (torch.rand(6, 5, 4, generator=random) < 0.7)
    lengths = torch.randint(1, 6, (6,), generator=random)
    weights[0, 0] = 0.0
    return weights, torch.arange(5) < lengths.unsqueeze(1)


def value_in_batches(metric, first: torch.Tensor, second: torch.Tensor, size: int) -> float:
    for one, other in zip(first.split(size), second.split(size), strict=True):
        metric.update(one, other)
    return metric.compute().item()


def value_on_two_ranks(metric, first: torch.Tensor, second: torch.Tensor) -> float:
    other, third = copy.deepcopy(metric), len(first) // 3
    metric.update(first[:third], second[:third])
    other.update(first[third:], second[third:])
    theirs = [getattr(other, name) for name in other._reductions]
    metric.distributed_available_fn = lambda: True
    metric.dist_sync_fn = lambda state, group: [state, theirs.pop(0)]
    return metric.compute().item()


def plain_perplexity(logits: torch.Tensor, tokens: torch.Tensor) -> float:
    total = 0.0
    for row, token in zip(logits.tolist(), tokens.tolist(), strict=True):
        total -= math.log(math.exp(row[token]) / sum(math.exp(one) for one in row))
    return math.exp(total / len(tokens))


def plain_entropy(weights: torch.Tensor, real: torch.Tensor) -> float:
    found = []
    for sentence, flags in zip(weights.double().tolist(), real.tolist(), strict=True):
        for row, flag in zip(sentence, flags, strict=True):
            if flag and sum(row) > 0:
                shares = [one / sum(row) for one in row]
                found.append(-sum(one * math.log(one) for one in shares if one > 0))
    return sum(found) / len(found)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 7, 50])
def test_perplexity_is_exp_of_the_mean_surprise_over_all_tokens(case, size):
    logits, tokens = logits_of(case)
    expected = plain_perplexity(logits, tokens)
    assert value_in_batches(perplexity(), logits, tokens, size) == pytest.approx(expected, rel=1e-6)
    assert value_in_batches(perplexity(), logits.double(), tokens, size) == pytest.approx(expected, rel=1e-12)
    assert value_on_two_ranks(perplexity(), logits, tokens) == pytest.approx(expected, rel=1e-6)


def test_perplexity_of_many_tokens_loses_no_digits():
    logits = torch.tensor([[0.0, 0.1, 0.2]]).expand(50, 3)
    tokens = torch.zeros(50, dtype=torch.long)
    metric = perplexity()
    for _ in range(400):
        metric.update(logits, tokens)
    assert metric.compute().item() == pytest.approx(1 + math.exp(0.1) + math.exp(0.2), rel=3e-7)


def test_perplexity_of_an_impossible_token_is_infinite_and_of_certain_ones_is_one():
    metric = perplexity()
    metric.update(torch.tensor([[0.0, -math.inf]]), torch.tensor([0]))
    assert metric.compute().item() == 1.0
    metric.update(torch.tensor([[0.0, -math.inf]]), torch.tensor([1]))
    assert metric.compute().item() == math.inf


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 7, 50])
def test_token_accuracy_is_the_share_of_tokens_that_are_most_probable(case, size):
    logits, tokens = logits_of(case)
    right = sum(
        row.index(max(row)) == token for row, token in zip(logits.tolist(), tokens.tolist(), strict=True)
    ) / len(tokens)
    assert value_in_batches(token_accuracy(), logits, tokens, size) == right
    assert value_on_two_ranks(token_accuracy(), logits, tokens) == right


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 4, 6])
def test_attention_entropy_is_that_of_normalised_rows_at_real_positions(case, size):
    weights, real = weights_of(case)
    expected = plain_entropy(weights, real)
    assert value_in_batches(attention_entropy(), weights, real, size) == pytest.approx(expected, rel=1e-12)
    assert value_on_two_ranks(attention_entropy(), weights, real) == pytest.approx(expected, rel=1e-12)


def test_attention_entropy_takes_no_notice_of_padding_and_of_scale():
    weights, real = weights_of(0)
    padded = torch.nn.functional.pad(weights, (0, 3, 0, 2))
    padded[:, 5:] = 7.0
    metric, other = attention_entropy(), attention_entropy()
    metric.update(weights, real)
    other.update(0.5 * padded, torch.nn.functional.pad(real, (0, 2)))
    assert other.compute().item() == pytest.approx(metric.compute().item(), rel=1e-12)


def test_attention_entropy_shows_a_weight_that_is_not_a_number():
    metric = attention_entropy()
    metric.update(torch.tensor([[[math.nan, 1.0], [0.5, 0.5]]]), torch.tensor([[True, True]]))
    assert metric.compute().isnan()


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
@pytest.mark.parametrize("factory", [perplexity, token_accuracy, attention_entropy])
def test_without_tokens_there_is_no_number(factory):
    assert factory().compute().isnan()
    metric = factory()
    empty = torch.zeros(2, 3, 4) if metric.reads == "weights" else torch.zeros(0, 4)
    metric.update(empty, torch.zeros(2, 3, dtype=torch.bool) if metric.reads == "weights" else torch.zeros(0).long())
    assert metric.compute().isnan()


def test_bfloat16_logits_are_summed_in_full_precision():
    logits, tokens = logits_of(0)
    metric = perplexity()
    metric.update(logits.bfloat16(), tokens)
    expected = plain_perplexity(logits.bfloat16().double(), tokens)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-6)


def test_directions_are_known():
    assert [one().higher_is_better for one in (perplexity, token_accuracy, attention_entropy)] == [False, True, False]


def test_the_examples_in_the_documentation_hold():
    results = doctest.testmod(teacher_forced)
    assert results.attempted
    assert results.failed == 0
