"""A beam wide enough finds what enumeration finds."""

import pytest

from zoo.seq2seq.search import DecodeOptions, search

SOURCES = [[5, 6, 4, 3], [3], [6, 3]]
#: Three letters (the unknown token is one) and at most three of them: 40 outputs.
LONGEST, WIDE = 3, 40


def wide(**options):
    return DecodeOptions(beam=WIDE, n_best=WIDE, max_length=LONGEST, max_extra=LONGEST, **options)


def matches(ranked, expected):
    assert [tuple(one.tokens) for one in ranked] == [tokens for _, tokens in expected]
    assert [one.score for one in ranked] == pytest.approx([score for score, _ in expected], abs=1e-4)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.0, 0.0), (1.0, 0.0), (0.0, 0.5), (0.7, 0.2)], ids=["plain", "length", "coverage", "both"]
)
def test_wide_beam_is_enumeration_for_200_random_models(markov, pad, enumerate_all, alpha, beta):
    options = wide(length_penalty=alpha, coverage_penalty=beta)
    for seed in range(200):
        model = markov(seed, vocabulary=6)
        for source, ranked in zip(SOURCES, search(model, pad(SOURCES), options), strict=True):
            matches(ranked, enumerate_all(model, source, LONGEST, alpha, beta))


@pytest.mark.parametrize("n_best", [1, 3])
def test_stopping_early_returns_what_enumeration_ranks_first(markov, pad, enumerate_all, n_best):
    """With few wanted, the search stops long before everything has been seen."""
    for seed in range(40):
        alpha, beta = 1.5 * (seed % 3), 0.4 * (seed % 2)
        options = DecodeOptions(
            beam=400, n_best=n_best, length_penalty=alpha, coverage_penalty=beta, max_length=4, min_length=seed % 2
        )
        model = markov(seed, vocabulary=7)
        for source, ranked in zip(SOURCES, search(model, pad(SOURCES), options), strict=True):
            expected = enumerate_all(model, source, 4, alpha, beta)
            matches(ranked, [one for one in expected if len(one[1]) >= options.min_length][:n_best])


def test_wide_beam_of_an_ensemble_is_enumeration_of_the_mean_of_probabilities(markov, pad, enumerate_all):
    for seed in range(50):
        models = [markov(seed + 1000 * part, vocabulary=6) for part in range(3)]
        options = wide(length_penalty=1.0, coverage_penalty=0.3)
        for source, ranked in zip(SOURCES, search(models, pad(SOURCES), options), strict=True):
            matches(ranked, enumerate_all(models, source, LONGEST, 1.0, 0.3))


def holds(tokens, phrase):
    return any(list(tokens[at : at + len(phrase)]) == list(phrase) for at in range(len(tokens) - len(phrase) + 1))


def repeats(tokens, n):
    grams = [tokens[at : at + n] for at in range(len(tokens) - n + 1)]
    return len(grams) > len(set(grams))


MUST = [[[4, 5]], [], [[5], [1, 5], [4]]]
MUST_NOT = [[[1]], [[4], [5, 5, 1]], [[4, 4]]]
PREFIXES = [[], [5], []]


@pytest.mark.parametrize("ngram", [0, 2])
def test_wide_beam_under_rules_is_enumeration_of_what_the_rules_leave(markov, pad, enumerate_all, ngram):
    for seed in range(40):
        options = DecodeOptions(
            beam=800, n_best=30, max_length=4, no_repeat_ngram=ngram, min_length=seed % 3, length_penalty=0.5
        )
        model = markov(seed, vocabulary=6)
        found = search(model, pad(SOURCES), options, prefixes=PREFIXES, must=MUST, must_not=MUST_NOT)
        for row, (source, ranked) in enumerate(zip(SOURCES, found, strict=True)):
            expected = [
                (score, tokens)
                for score, tokens in enumerate_all(model, source, 4, 0.5)
                if len(tokens) >= options.min_length
                and list(tokens[: len(PREFIXES[row])]) == PREFIXES[row]
                and all(holds(tokens, phrase) for phrase in MUST[row])
                and not any(holds(tokens, phrase) for phrase in MUST_NOT[row])
                and not (ngram and repeats(tokens, ngram))
            ]
            matches(ranked, expected[:30])
