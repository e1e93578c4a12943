"""Equation 14 of Wu et al. (2016), and the bound by which a search stops."""

import math

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, search
from zoo.seq2seq.search.penalties import Ranking, coverage_penalty, length_penalty

TINY = torch.finfo(torch.float32).tiny


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.5])
@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_length_penalty_is_the_papers(alpha, length):
    assert length_penalty(length, alpha) == pytest.approx(math.pow(5 + length, alpha) / math.pow(6, alpha))
    assert float(length_penalty(torch.tensor(float(length)), alpha)) == pytest.approx(length_penalty(length, alpha))


def test_an_output_of_the_end_alone_has_no_length_penalty():
    """|Y| counts the end: it is 1 here, and lp is 1 whatever α."""
    assert length_penalty(1, 3.7) == 1


def test_coverage_penalty_is_the_papers_over_own_positions():
    coverage = torch.tensor([[0.5, 1.7, 0.25, 0.0], [0.9, 0.2, 0.0, 0.0]])
    mask = torch.tensor([[True, True, True, False], [True, True, False, False]])
    found = coverage_penalty(coverage, mask, 0.2)
    expected = [0.2 * (math.log(0.5) + math.log(1.0) + math.log(0.25)), 0.2 * (math.log(0.9) + math.log(0.2))]
    assert found.tolist() == pytest.approx(expected, rel=1e-6)


def test_padding_never_costs(attentive, pad):
    """A sentence beside a longer one keeps its score: coverage of padding is zero, and counts for nothing."""
    options = DecodeOptions(beam=3, coverage_penalty=0.5)
    alone = search(attentive(0), pad([[5, 3]]), options)[0][0]
    beside = search(attentive(0), pad([[5, 3], [6, 7, 8, 9, 10, 3]], extra=4), options)[0][0]
    assert math.isfinite(beside.score)
    assert beside.score == pytest.approx(alone.score, abs=1e-5)


def test_positions_never_looked_at_are_finite_and_count():
    mask = torch.ones(3, 3, dtype=torch.bool)
    found = coverage_penalty(torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]), mask, 1.0).tolist()
    assert found == pytest.approx([2 * math.log(TINY), math.log(TINY), 0.0])


def test_attention_to_one_position_is_ranked_by_how_many_were_covered(markov, pad):
    """Hard attention leaves most positions without any: still no infinite score."""

    class Hard(markov):
        def step(self, tokens, memory, state):
            logits, weights, state = super().step(tokens, memory, state)
            return logits, (weights == weights.amax(-1, keepdim=True)).float(), state

    ranked = search(Hard(0), pad([[5, 6, 7, 3]]), DecodeOptions(beam=8, n_best=8, coverage_penalty=1.0))[0]
    assert all(math.isfinite(one.score) for one in ranked)
    covered = [int((one.weights.sum(0) > 0).sum()) for one in ranked]
    assert covered == sorted(covered, reverse=True)
    assert len(set(covered)) > 1


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0])
def test_nothing_that_grows_exceeds_the_bound(alpha):
    """Random continuations, lengths and coverages of random live hypotheses."""
    random = torch.Generator().manual_seed(1)
    ranking = Ranking(alpha, 0.4)
    for _ in range(300):
        longest = int(torch.randint(3, 30, (), generator=random))
        live = -torch.rand(1, 4, generator=random, dtype=torch.float64) * 10
        length = int(torch.randint(1, longest + 1, (), generator=random))
        grown = live - torch.rand(1, 4, generator=random, dtype=torch.float64) ** 4
        coverage = 2 * torch.rand(4, 6, generator=random)
        scores = ranking.score(grown[0], length, coverage, torch.ones(4, 6, dtype=torch.bool))
        assert (scores <= ranking.bound(live, torch.tensor([longest]))).all()


def test_the_bound_is_reached():
    """By the best hypothesis, should it end at the maximum length for nothing, all covered: no lower bound is right."""
    ranking = Ranking(1.0, 0.4)
    live = torch.tensor([[-3.0, -2.0, -5.0]], dtype=torch.float64)
    covered = torch.ones(1, 4)
    score = ranking.score(live[:, 1], 9, covered, torch.ones(1, 4, dtype=torch.bool))
    assert score.item() == ranking.bound(live, torch.tensor([9])).item()
