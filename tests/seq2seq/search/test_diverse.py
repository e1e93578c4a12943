"""Diverse beam search against its definition (Vijayakumar et al. 2018)."""

import pytest

from zoo.seq2seq.search import DecodeOptions, search

BEGIN, END = 2, 3
SOURCES = [[5, 6, 4, 3], [3], [6, 3], [8, 9, 9, 5, 3]]


def by_definition(model, predict, source, longest, groups, size, diversity):
    """Tokens and log-probability of all that the groups finish, best first."""
    live = [[(0.0, ())] for _ in range(groups)]
    places, finished = [size] * groups, {}
    for length in range(longest + 1):
        chosen = []
        for group in range(groups):
            grown = []
            for total, tokens in live[group]:
                following, _ = predict([model], source, tokens)
                for letter in [END] if length == longest else [1, *range(3, model.vocabulary)]:
                    after = total + following[letter]
                    grown.append((after - diversity * chosen.count(letter), after, (*tokens, letter)))
            kept = sorted(grown, key=lambda one: -one[0])[: places[group]]
            chosen += [tokens[-1] for _, _, tokens in kept]
            live[group] = [(total, tokens) for _, total, tokens in kept if tokens[-1] != END]
            for _, total, tokens in kept:
                if tokens[-1] == END:
                    places[group] -= 1
                    finished[tokens[:-1]] = total
    return sorted(((total, list(tokens)) for tokens, total in finished.items()), key=lambda one: -one[0])


@pytest.mark.parametrize(("beam", "groups"), [(4, 2), (4, 4), (6, 3), (6, 2)])
@pytest.mark.parametrize("diversity", [0.0, 0.4, 3.0])
def test_groups_choose_as_defined(markov, pad, predict, beam, groups, diversity):
    for seed in range(12):
        model = markov(seed, vocabulary=9)
        options = DecodeOptions(
            strategy="diverse", beam=beam, groups=groups, diversity=diversity, n_best=beam, max_ratio=0.0, max_extra=5
        )
        for source, ranked in zip(SOURCES, search(model, pad(SOURCES), options), strict=True):
            expected = by_definition(model, predict, source, 5, groups, beam // groups, diversity)
            assert [one.tokens for one in ranked] == [tokens for _, tokens in expected]
            assert [one.log_probability for one in ranked] == pytest.approx([total for total, _ in expected], abs=1e-4)


def test_one_group_is_a_beam(markov, pad):
    for seed in range(20):
        model = markov(seed, vocabulary=9)
        beam = search(model, pad(SOURCES), DecodeOptions(beam=4, n_best=4, length_penalty=1.0))
        diverse = DecodeOptions(strategy="diverse", beam=4, groups=1, n_best=4, length_penalty=1.0)
        for one, other in zip(beam, search(model, pad(SOURCES), diverse), strict=True):
            assert [(a.tokens, a.score) for a in one] == [(b.tokens, b.score) for b in other]


def test_every_hypothesis_is_a_group_by_default(markov, pad):
    model = markov(0, vocabulary=9)
    for_each = search(model, pad(SOURCES), DecodeOptions(strategy="diverse", beam=4, groups=4, n_best=4))
    default = search(model, pad(SOURCES), DecodeOptions(strategy="diverse", beam=4, n_best=4))
    assert [[a.tokens for a in one] for one in for_each] == [[a.tokens for a in one] for one in default]


def test_diversity_makes_first_tokens_differ(attentive, sentences, pad):
    counts = []
    for diversity in (0.0, 2.0, 50.0):
        options = DecodeOptions(strategy="diverse", beam=4, n_best=4, diversity=diversity)
        found = search(attentive(0), pad(sentences(20)), options)
        counts.append(sum(len({tuple(one.tokens[:1]) for one in ranked}) for ranked in found))
    assert counts[0] < counts[1] <= counts[2]
    assert counts[2] == 80


def test_groups_that_find_the_same_give_it_once(markov, pad):
    """Without diversity all groups are the first one."""
    options = DecodeOptions(strategy="diverse", beam=6, groups=3, n_best=6, diversity=0.0)
    for ranked in search(markov(1), pad(SOURCES), options):
        assert len({tuple(one.tokens) for one in ranked}) == len(ranked) <= 2
