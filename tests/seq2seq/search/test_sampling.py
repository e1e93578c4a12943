"""Draws come from the distribution that was asked for, the same for a sentence wherever it stands."""

import math
from collections import Counter

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, search
from zoo.seq2seq.search.sampling import _least_of_nucleus

END = 3
LETTERS = (1, 3, 4, 5, 6)


@pytest.fixture
def blind(markov):
    """A model that tells no source from another: many sources are many draws from one distribution."""

    class Blind(markov):
        def encode(self, source):
            memory = super().encode(source)
            return {**memory, "kind": torch.zeros_like(memory["kind"])}

    return Blind(5, spread=1.0)


@pytest.fixture
def sources(pad):
    return lambda count: pad([[1000 + row, END] for row in range(count)])


def expected_shares(model, temperature=1.0, top_k=0, top_p=1.0):
    """The distribution of the first token, by plain loops."""
    logits = model.table[0, 0, 2, 2].double().tolist()
    whole = sum(math.exp(logit) for logit in logits)
    kept = {letter: math.exp(logits[letter]) / whole for letter in LETTERS}
    powers = {letter: share ** (1 / temperature) for letter, share in kept.items()}
    ranked = sorted(powers, key=lambda letter: -powers[letter])[: top_k or None]
    nucleus, mass, total = [], 0.0, sum(powers[letter] for letter in ranked)
    for letter in ranked:
        if mass < top_p * total:
            nucleus.append(letter)
        mass += powers[letter]
    total = sum(powers[letter] for letter in nucleus)
    return {letter: powers[letter] / total for letter in nucleus}


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 0.5}, {"temperature": 2.0}, {"top_k": 2}, {"top_p": 0.6}, {"top_k": 3, "top_p": 0.7}],
    ids=str,
)
def test_shares_of_draws_are_those_of_the_distribution(blind, sources, options):
    count = 8000
    found = search(blind, sources(count), DecodeOptions(strategy="sample", max_length=1, **options))
    drawn = Counter((ranked[0].tokens or [END])[0] for ranked in found)
    expected = expected_shares(blind, **options)
    assert set(drawn) <= set(expected)
    for letter, share in expected.items():
        deviation = math.sqrt(share * (1 - share) / count)
        assert drawn[letter] / count == pytest.approx(share, abs=4.5 * deviation + 1e-9)


def test_the_options_that_narrow_do_narrow(blind):
    """The expectations above are of different distributions."""
    sizes = [len(expected_shares(blind, **options)) for options in ({}, {"top_k": 2}, {"top_p": 0.6})]
    assert sizes[0] == 5
    assert sizes[1] == 2
    assert 1 < sizes[2] < 5


def test_draws_of_one_source_are_independent(blind, sources):
    """That two draws are the same letter has the probability of a sum of squares."""
    count = 6000
    found = search(blind, sources(count), DecodeOptions(strategy="sample", n_best=2, max_length=1))
    share = sum(one**2 for one in expected_shares(blind).values())
    equal = sum(len(ranked) == 1 for ranked in found) / count
    assert equal == pytest.approx(share, abs=4.5 * math.sqrt(share * (1 - share) / count))


def test_whole_outputs_come_as_often_as_the_model_says(blind, sources):
    """Padding and begin are never drawn, and the end is certain at the maximum length."""
    count = 20_000
    found = search(blind, sources(count), DecodeOptions(strategy="sample", max_length=2))
    drawn = Counter(tuple(ranked[0].tokens) for ranked in found)
    assert len(drawn) > 15
    for tokens, times in drawn.items():
        share = 1.0
        for length, token in enumerate([*tokens, END][:2]):
            following = blind.following([11], tokens[:length])[0]
            share *= math.exp(following[token]) / sum(math.exp(following[letter]) for letter in LETTERS)
        assert times / count == pytest.approx(share, abs=4.5 * math.sqrt(share * (1 - share) / count))


def test_the_seed_and_the_source_decide(markov, pad):
    options = {"strategy": "sample", "samples": 5, "n_best": 5}
    model = markov(2, vocabulary=20, spread=0.5)

    def draws(rows, **more):
        found = search(model, pad(rows), DecodeOptions(**options, **more))
        return [sorted(tuple(one.tokens) for one in ranked) for ranked in found]

    first, second = draws([[5, 6, 3], [7, 3]])
    assert first != second
    assert draws([[7, 3], [5, 6, 3]]) == [second, first]
    assert draws([[7, 3], [7, 3]]) == [second, second]
    assert draws([[7, 3]], seed=1) != [second]


def test_first_draws_of_many_are_those_of_few(markov, pad):
    model = markov(2, vocabulary=20, spread=0.5)
    [few] = search(model, pad([[7, 3]]), DecodeOptions(strategy="sample", n_best=3))
    [many] = search(model, pad([[7, 3]]), DecodeOptions(strategy="sample", n_best=9))
    assert {tuple(one.tokens) for one in few} < {tuple(one.tokens) for one in many}


def test_a_generator_gives_other_draws_each_time_and_the_same_again(markov, pad):
    model, options = markov(2, vocabulary=20, spread=0.5), DecodeOptions(strategy="sample", n_best=3)

    def draws(generator):
        return [tuple(one.tokens) for one in search(model, pad([[7, 3]]), options, generator=generator)[0]]

    one, other = (torch.Generator().manual_seed(4) for _ in range(2))
    first = draws(one)
    assert draws(one) != first
    assert draws(other) == first


def test_one_token_kept_is_greedy(attentive, sentences, pad):
    model, rows = attentive(0), sentences(12)
    greedy = search(model, pad(rows), DecodeOptions(beam=1))
    for narrow in ({"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}):
        drawn = search(model, pad(rows), DecodeOptions(strategy="sample", **narrow))
        assert [one[0].tokens for one in drawn] == [one[0].tokens for one in greedy]


def test_large_nuclei_of_large_vocabularies():
    """More tokens than the first look takes in: the same set as from all tokens sorted."""
    random = torch.Generator().manual_seed(0)
    probabilities = (0.3 * torch.randn(6, 3000, generator=random)).softmax(-1)
    for share in (0.01, 0.3, 0.9, 0.999):
        ranked = probabilities.double().sort(descending=True).values
        size = (ranked.cumsum(-1) < share).sum(-1) + 1
        found = (probabilities >= _least_of_nucleus(probabilities, share)).sum(-1)
        assert ((found - size).abs() <= 1).all()


def test_scores_are_the_models_own_whatever_the_temperature(markov, pad, predict):
    model = markov(3)
    options = DecodeOptions(strategy="sample", n_best=5, temperature=0.3, top_k=3, length_penalty=1.0)
    for one in search(model, pad([[5, 6, 3]]), options)[0]:
        parts = [predict([model], [5, 6, 3], one.tokens[:n])[0][token] for n, token in enumerate([*one.tokens, END])]
        assert one.token_log_probabilities == pytest.approx(parts, abs=1e-5)
        assert one.score == pytest.approx(sum(parts) * 6 / (5 + len(parts)), abs=1e-5)
