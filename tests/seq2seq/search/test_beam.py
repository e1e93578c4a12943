"""Greedy and narrow beams against loops written from their definition."""

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, search

BEGIN, END = 2, 3
SOURCES = [[5, 6, 4, 3], [3], [6, 3], [8, 9, 9, 9, 5, 3]]


def longest_of(source, options):
    longest = int(len(source) * options.max_ratio) + options.max_extra
    return longest if options.max_length is None else min(longest, options.max_length)


def greedy_loop(model, predict, source, options):
    tokens = []
    while len(tokens) < longest_of(source, options):
        following, _ = predict([model], source, tokens)
        for never in (0, BEGIN):
            following[never] = -float("inf")
        best = following.index(max(following))
        if best == END:
            break
        tokens.append(best)
    return tokens


def textbook_beam(model, predict, penalise, source, options):
    """All hypotheses a shrinking beam finishes, with no stop before the beam is empty; best first."""
    live, finished, width = [(0.0, (), [])], [], options.beam
    for length in range(longest_of(source, options) + 1):
        grown = []
        for total, tokens, looks in live:
            following, look = predict([model], source, tokens)
            letters = [END] if length == longest_of(source, options) else [1, *range(3, model.vocabulary)]
            grown += [(total + following[letter], (*tokens, letter), [*looks, look]) for letter in letters]
        kept = sorted(grown, key=lambda one: -one[0])[:width]
        ended = [one for one in kept if one[1][-1] == END]
        live = [one for one in kept if one[1][-1] != END]
        width -= len(ended)
        for total, tokens, looks in ended:
            score = penalise(total, looks, options.length_penalty, options.coverage_penalty)
            finished.append((score, list(tokens[:-1])))
    return sorted(finished, key=lambda one: -one[0])


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.0), (1.0, 0.0), (2.0, 0.3)])
def test_beam_of_one_is_greedy(markov, pad, predict, alpha, beta):
    options = DecodeOptions(beam=1, length_penalty=alpha, coverage_penalty=beta, max_extra=3)
    for seed in range(50):
        model = markov(seed, vocabulary=9)
        for source, [found] in zip(SOURCES, search(model, pad(SOURCES), options), strict=True):
            assert found.tokens == greedy_loop(model, predict, source, options)
            assert found.finished == (len(found.tokens) < longest_of(source, options))


def test_greedy_options_are_a_beam_of_one_within_the_same_lengths():
    options = DecodeOptions(beam=7, length_penalty=1.0, max_length=9, min_length=2, must=("a",), n_best=3).greedy()
    assert options == DecodeOptions(beam=1, max_length=9, min_length=2)
    assert DecodeOptions(strategy="mbr", samples=9, seed=3).greedy() == DecodeOptions(beam=1)


@pytest.mark.parametrize("beam", [2, 3, 5, 8])
@pytest.mark.parametrize("n_best", [1, 2])
def test_beam_is_the_textbook_beam(markov, pad, predict, penalise, beam, n_best):
    """The textbook's never stops early: what stopping by the bound returns is what it returns."""
    for seed in range(40):
        alpha, beta = (0.0, 0.6, 1.0, 2.0)[seed % 4], (0.0, 0.2)[seed % 2]
        options = DecodeOptions(
            beam=beam, n_best=n_best, length_penalty=alpha, coverage_penalty=beta, max_ratio=1.0, max_extra=2
        )
        model = markov(seed, vocabulary=8)
        for source, ranked in zip(SOURCES, search(model, pad(SOURCES), options), strict=True):
            expected = textbook_beam(model, predict, penalise, source, options)[:n_best]
            assert [one.tokens for one in ranked] == [tokens for _, tokens in expected]
            assert [one.score for one in ranked] == pytest.approx([score for score, _ in expected], abs=1e-4)


def test_n_best_are_sorted_distinct_and_never_padded(markov, pad):
    options = DecodeOptions(beam=6, n_best=6, length_penalty=1.0, coverage_penalty=0.2, max_extra=3)
    counts = set()
    for seed in range(30):
        for ranked in search(markov(seed, vocabulary=6), pad(SOURCES), options):
            scores = [one.score for one in ranked]
            assert scores == sorted(scores, reverse=True)
            assert len({tuple(one.tokens) for one in ranked}) == len(ranked) <= 6
            counts.add(len(ranked))
    [few] = search(markov(0, vocabulary=6), pad([[3]]), DecodeOptions(beam=50, n_best=50, max_length=1))
    assert len(few) == 4  # nothing, or one of three letters
    assert max(counts) == 6


def test_best_of_many_is_best_alone(markov, pad):
    for seed in range(30):
        model, options = markov(seed, vocabulary=9), {"beam": 4, "length_penalty": 1.0, "coverage_penalty": 0.1}
        many = search(model, pad(SOURCES), DecodeOptions(n_best=4, **options))
        for [one], ranked in zip(search(model, pad(SOURCES), DecodeOptions(**options)), many, strict=True):
            assert one.tokens == ranked[0].tokens
            assert one.score == ranked[0].score


def test_no_sources_no_hypotheses(markov):
    assert search(markov(0), torch.zeros(0, 4, dtype=torch.int64)) == []


def test_broken_logits_are_an_error(markov, pad):
    model = markov(0)
    model.table[:] = float("nan")
    with pytest.raises(ValueError, match="NaN at step 0"):
        search(model, pad(SOURCES))


def test_logits_of_a_wrong_shape_are_an_error(markov, pad):
    class Flat(markov):
        def step(self, tokens, memory, state):
            logits, weights, state = super().step(tokens, memory, state)
            return logits[:, 0], weights, state

    with pytest.raises(ValueError, match=r"Flat.step gave logits of shape \(4, 7\)"):
        search(Flat(0), pad(SOURCES))


def test_a_model_that_forbids_every_end_is_an_error(markov, pad):
    model = markov(0)
    model.table[..., END] = -float("inf")
    with pytest.raises(ValueError, match="sentence 0: no output of at most 18 tokens"):
        search(model, pad(SOURCES))


def test_modules_are_evaluated_and_left_as_they_were(attentive, pad):
    model = attentive(0)
    expected = search(model, pad(SOURCES))
    model.train()
    model.keys.eval()
    found = search(model, pad(SOURCES))
    assert [one[0].tokens for one in found] == [one[0].tokens for one in expected]
    assert [one[0].score for one in found] == [one[0].score for one in expected]
    assert model.training
    assert model.dropout.training
