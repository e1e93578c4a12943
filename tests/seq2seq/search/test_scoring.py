"""score(search(x)) is what search said; and every number a hypothesis carries."""

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, score, search

ALL = {
    "greedy": DecodeOptions(beam=1),
    "beam": DecodeOptions(beam=4, n_best=3, length_penalty=1.0, coverage_penalty=0.2),
    "diverse": DecodeOptions(strategy="diverse", beam=4, groups=2, n_best=3, length_penalty=0.5),
    "sample": DecodeOptions(strategy="sample", n_best=3, temperature=0.7, top_p=0.9, coverage_penalty=0.1),
    "cut": DecodeOptions(beam=3, n_best=3, max_length=2, min_length=2, length_penalty=1.0),
}


def close(one, other):
    assert one.tokens == other.tokens
    assert one.score == pytest.approx(other.score, abs=1e-5)
    assert one.log_probability == pytest.approx(other.log_probability, abs=1e-5)
    assert one.token_log_probabilities == pytest.approx(other.token_log_probabilities, abs=1e-5)
    torch.testing.assert_close(one.weights, other.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", ALL.values(), ids=ALL)
def test_score_of_what_was_found_is_its_score(attentive, sentences, pad, options):
    rows = sentences(12)
    for models in (attentive(1), [attentive(1), attentive(2)]):
        found = search(models, pad(rows), options)
        for rank in range(max(map(len, found))):
            chosen = [(row, ranked[rank]) for row, ranked in zip(rows, found, strict=True) if rank < len(ranked)]
            again = score(models, pad([row for row, _ in chosen]), [one.tokens for _, one in chosen], options=options)
            for (_, one), other in zip(chosen, again, strict=True):
                close(one, other)


def test_rules_leave_probabilities_as_they_are(attentive, sentences, pad):
    rows = sentences(6)
    options = DecodeOptions(beam=4, no_repeat_ngram=2, min_length=3, length_penalty=1.0)
    found = search(
        attentive(3), pad(rows), options, prefixes=[[9, 9]] * 6, must=[[[5, 6]]] * 6, must_not=[[[7], [8, 9]]] * 6
    )
    best = [ranked[0] for ranked in found]
    for one, other in zip(best, score(attentive(3), pad(rows), [b.tokens for b in best], options=options), strict=True):
        close(one, other)


def test_every_number_is_that_of_plain_loops(markov, pad, predict, penalise):
    rows = [[5, 6, 4, 3], [3], [6, 3]]
    options = DecodeOptions(beam=3, n_best=3, length_penalty=0.8, coverage_penalty=0.3, max_extra=2)
    for seed in range(30):
        models = [markov(seed), markov(seed + 500)][: 1 + seed % 2]
        for source, ranked in zip(rows, search(models, pad(rows), options), strict=True):
            for one in ranked:
                parts, looks = [], []
                for length, token in enumerate([*one.tokens, 3]):
                    following, look = predict(models, source, one.tokens[:length])
                    parts.append(following[token])
                    looks.append(look)
                assert one.token_log_probabilities == pytest.approx(parts, abs=1e-5)
                assert one.log_probability == pytest.approx(sum(parts), abs=1e-5)
                assert one.score == pytest.approx(penalise(sum(parts), looks, 0.8, 0.3), abs=1e-5)
                torch.testing.assert_close(one.weights, torch.tensor(looks), rtol=1e-5, atol=1e-6)


def test_targets_of_any_length_are_scored(markov, pad, predict):
    rows, targets = [[5, 3], [6, 6, 3], [3]], [[4] * 60, [], [1, 5]]
    for source, target, one in zip(rows, targets, score(markov(0), pad(rows), targets), strict=True):
        parts = [predict([markov(0)], source, target[:n])[0][token] for n, token in enumerate([*target, 3])]
        assert one.token_log_probabilities == pytest.approx(parts, abs=1e-5)
        assert one.log_probability == one.score == pytest.approx(sum(parts), abs=1e-4)
        assert one.finished


def test_alignment_is_as_wide_as_the_own_source(attentive, sentences, pad):
    rows = sentences(20)
    for options in ALL.values():
        for row, ranked in zip(rows, search(attentive(0), pad(rows, 5), options), strict=True):
            for one in ranked:
                assert one.weights.shape == (len(one.tokens) + 1, len(row))
                torch.testing.assert_close(one.weights.sum(1), torch.ones(len(one.tokens) + 1))
                assert len(one.token_log_probabilities) == len(one.tokens) + 1


def test_a_model_without_attention_gives_no_weights(markov, pad):
    class Blind(markov):
        def step(self, tokens, memory, state):
            logits, _, state = super().step(tokens, memory, state)
            return logits, None, state

    [[found]] = search(Blind(0), pad([[5, 3]]))
    assert found.weights is None
    with pytest.raises(ValueError, match="coverage_penalty needs a model that gives attention weights"):
        search(Blind(0), pad([[5, 3]]), DecodeOptions(coverage_penalty=0.2))


@pytest.mark.parametrize(("targets", "message"), [([[3]], "target|prefix"), ([[4], [4]], "2 targets of 1 sources")])
def test_what_is_no_target_is_refused(markov, pad, targets, message):
    with pytest.raises(ValueError, match=message):
        score(markov(0), pad([[5, 3]]), targets)


def test_an_impossible_target_is_refused(markov, pad):
    model = markov(0)
    model.table[..., 4] = -float("inf")
    with pytest.raises(ValueError, match="sentence 1: the model gives its target a probability of zero"):
        score(model, pad([[5, 3], [6, 3]]), [[5], [4]])
