"""Several models as one: the mean of their probabilities, each with sources of its own."""

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, score, search

SOURCES = [[5, 6, 4, 3], [3], [6, 3]]


def test_a_model_with_itself_is_itself(attentive, sentences, pad):
    rows, options = sentences(12), DecodeOptions(beam=4, n_best=2, length_penalty=1.0, coverage_penalty=0.1)
    alone = search(attentive(0), pad(rows), options)
    for one, other in zip(alone, search([attentive(0)] * 3, pad(rows), options), strict=True):
        assert [a.tokens for a in one] == [b.tokens for b in other]
        assert [a.score for a in one] == pytest.approx([b.score for b in other], abs=1e-5)
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a.weights, b.weights, rtol=1e-5, atol=1e-6)


def test_probabilities_are_averaged_not_their_logarithms(markov, pad, predict):
    models, tokens = [markov(1), markov(2), markov(3)], [4, 5]
    [found] = score(models, pad([[5, 6, 3]]), [tokens])
    parts = [
        sum(torch.tensor(model.following([5, 6, 3], tokens[:n])[0]).exp()[token] for model in models) / 3
        for n, token in enumerate([*tokens, 3])
    ]
    assert found.token_log_probabilities == pytest.approx([float(part.log()) for part in parts], abs=1e-5)


def test_each_model_may_have_sources_of_its_own(markov, pad):
    """Other ids, another width and another padding: the probabilities are those of each with its own."""
    others = [[7, 3], [9, 9, 9, 9, 9, 3], [6, 3]]
    models = [markov(1), markov(2)]
    found = score(models, [pad(SOURCES), pad(others, extra=2)], [[4], [5], [1, 4]])
    for source, other, one in zip(SOURCES, others, found, strict=True):
        for n, token in enumerate([*one.tokens, 3]):
            mine = torch.tensor(models[0].following(source, one.tokens[:n])[0]).exp()[token]
            yours = torch.tensor(models[1].following(other, one.tokens[:n])[0]).exp()[token]
            assert one.token_log_probabilities[n] == pytest.approx(float(((mine + yours) / 2).log()), abs=1e-5)


def test_weights_are_the_mean_over_the_models_that_read_the_same_ids(markov, pad):
    others = [[7, 3], [9, 9, 9, 9, 9, 3], [6, 3]]
    models = [markov(1), markov(2)]
    found = score(models, [pad(SOURCES), pad(others, extra=2)], [[4], [5], [1, 4]])
    for source, other, one in zip(SOURCES, others, found, strict=True):
        assert one.weights.shape == (len(one.tokens) + 1, len(source))
        for n in range(len(one.tokens) + 1):
            looks = torch.tensor(models[0].following(source, one.tokens[:n])[1])
            if source == other:
                looks = (looks + torch.tensor(models[1].following(source, one.tokens[:n])[1])) / 2
            torch.testing.assert_close(one.weights[n], looks, rtol=1e-5, atol=1e-6)


def test_a_first_model_without_attention_borrows_from_those_that_read_the_same(markov, pad):
    class Blind(markov):
        def step(self, tokens, memory, state):
            logits, _, state = super().step(tokens, memory, state)
            return logits, None, state

    found = score([Blind(1), markov(2)], [pad([[5, 3], [6, 3]]), pad([[5, 3], [8, 3]])], [[4], [4]])
    torch.testing.assert_close(found[0].weights[0], torch.tensor(markov(2).following([5, 3], [])[1]))
    assert found[1].weights is None
    with pytest.raises(ValueError, match="coverage_penalty needs a model that gives attention weights"):
        search(
            [Blind(1), markov(2)],
            [pad([[5, 3], [6, 3]]), pad([[5, 3], [8, 3]])],
            DecodeOptions(coverage_penalty=0.1),
        )


def test_a_certain_model_beside_one_that_excludes_it(markov, pad):
    """Half of one is a half; a sum of logarithms would be minus infinity."""
    certain, against = markov(0), markov(0)
    certain.table[:] = -200.0
    certain.table[..., 3] = 0.0
    against.table[:] = 0.0
    against.table[..., 3] = -torch.inf
    [found] = score([certain, against], pad([[5, 3]]), [[]])
    assert found.log_probability == pytest.approx(-0.6931472, abs=1e-6)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([[[5, 3]], [[5, 3]], [[5, 3]]], "2 models with 3 sources"),
        ([[[5, 3]], [[5, 3], [6, 3]]], "have 1, 2 sentences"),
    ],
)
def test_sources_that_do_not_fit_are_refused(markov, pad, sources, message):
    with pytest.raises(ValueError, match=message):
        search([markov(0), markov(1)], [pad(rows) for rows in sources])


def test_vocabularies_of_unequal_size_are_refused(markov, pad):
    with pytest.raises(ValueError, match="have 7 and 9 target tokens; they must share the target vocabulary"):
        search([markov(0), markov(1, vocabulary=9)], pad([[5, 3]]))
