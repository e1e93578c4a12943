"""The windows of Luong et al. (2015), section 3.2, where they can be told by hand."""

import math

import pytest
import torch

from zoo.seq2seq.attention.scores.tanh import tanh_energies

SCORES = ["additive", "general", "location", "multihead"]


def where_weights_stand(weights):
    return [step.nonzero().flatten().tolist() for step in weights]


@pytest.fixture(params=SCORES)
def score(request):
    return request.param


@pytest.mark.parametrize("length", [5, 13], ids=["masked", "gathered"])
def test_local_m_moves_on_and_is_clipped_at_both_ends(build, sentences, loop, score, length):
    _, weights = loop(build(score, scope="local_m", window=1), *sentences((length,), steps=length + 3))
    middles = [*range(length), length - 1, length - 1, length - 1]
    assert where_weights_stand(weights[0]) == [
        [s for s in (middle - 1, middle, middle + 1) if 0 <= s < length] for middle in middles
    ]
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, length + 3).double())


def test_local_m_stays_at_the_end_of_each_sentence_of_a_batch(build, sentences, loop, score):
    _, weights = loop(build(score, scope="local_m", window=1), *sentences((9, 2, 4), steps=7))
    assert where_weights_stand(weights[1])[2:] == [[0, 1]] * 5
    assert where_weights_stand(weights[2])[3:] == [[2, 3]] * 4


def test_local_m_on_sources_shorter_than_the_window_is_global(build, sentences, loop, score):
    batch = sentences((6, 1, 0, 3))
    for local, whole in zip(
        loop(build(score, scope="local_m", window=6), *batch), loop(build(score), *batch), strict=True
    ):
        torch.testing.assert_close(local, whole, rtol=1e-12, atol=1e-12)


def aimed_at(attention, share):
    """The attention with p = S · share for the query h = (1, 1, 1, 1): equation 9 solved for Q · v, W the identity."""
    with torch.no_grad():
        attention.scope.hidden.weight.copy_(torch.eye(4))
        attention.scope.position.weight.fill_(math.log(share / (1 - share)) / math.tanh(1.0))
    return attention


@pytest.mark.parametrize("length", [5, 40], ids=["masked", "gathered"])
@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.77, 0.999])
@pytest.mark.parametrize("window", [1, 3])
def test_local_p_is_the_window_at_floor_p_times_the_gaussian_of_p(build, sentences, score, length, share, window):
    keys, mask, queries = sentences((length, 2), steps=1)
    attention = aimed_at(build(score, scope="local_p", window=window), share)
    _, weights, _ = attention(torch.ones_like(queries[:, 0]), attention.prepare(keys, mask), None)
    plain = build(score)
    for row, own in enumerate((length, 2)):
        p = own * share
        positions = [s for s in range(own) if math.floor(p) - window <= s <= math.floor(p) + window]
        inside = torch.zeros_like(mask)
        inside[row, positions] = True
        _, aligned, _ = plain(torch.ones_like(queries[:, 0]), plain.prepare(keys, inside), None)
        expected = [
            aligned[row, s].item() * math.exp(-((s - p) ** 2) / (2 * (window / 2) ** 2)) if s in positions else 0.0
            for s in range(length)
        ]
        torch.testing.assert_close(weights[row], torch.tensor(expected, dtype=torch.float64), rtol=1e-9, atol=1e-15)


def test_local_p_leaves_weights_as_the_gaussian_makes_them(build, sentences):
    """They do not sum to one: p = 2.5 lies between two positions, and each gets at most exp(-2 · 0.5² / D²)."""
    keys, mask, queries = sentences((5,), steps=1)
    attention = aimed_at(build("general", scope="local_p", window=2), 0.5)
    _, weights, _ = attention(torch.ones_like(queries[:, 0]), attention.prepare(keys, mask), None)
    assert 0 < weights.sum() <= math.exp(-2 * 0.5**2 / 2**2)


def test_a_saturated_p_stays_in_the_sentence(build, sentences):
    """p = S, where sigmoid rounds to one: the window ends at the last position."""
    keys, mask, queries = sentences((6, 3), steps=1)
    for score in SCORES:
        attention = build(score, scope="local_p", window=1)
        attention.scope.hidden.weight.data.copy_(torch.eye(4))
        attention.scope.position.weight.data.fill_(1e6)
        _, weights, _ = attention(torch.ones_like(queries[:, 0]), attention.prepare(keys, mask), None)
        assert where_weights_stand(weights) == [[5], [2]]


def test_gathered_windows_give_what_masked_ones_give(build, sentences, loop, monkeypatch):
    selections = ({"selection": "top_k", "k": 2}, {"selection": "entmax"}, {"selection": "hard"})
    for options in ({}, {"coverage": True}, *selections):
        for scope in ("local_m", "local_p"):
            attention, batch = build("additive", scope=scope, window=1, **options), sentences((20, 7, 0, 1), steps=9)
            gathered = loop(attention, *batch)
            with monkeypatch.context() as patch:
                patch.setattr("zoo.seq2seq.attention.attention._GATHERS_FROM", math.inf)
                masked = loop(attention, *batch)
            for one, other in zip(gathered, masked, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_step_of_local_additive_attention_reads_its_window_alone(build, sentences, monkeypatch):
    widths = []

    def counted(query, keys, *rest):
        widths.append(tuple(keys.shape[:2]))
        return tanh_energies(query, keys, *rest)

    monkeypatch.setattr("zoo.seq2seq.attention.scores.tanh.tanh_energies", counted)
    keys, mask, queries = sentences((30, 30), steps=1)
    attention = build("additive", scope="local_p", window=2)
    attention(queries[:, 0], attention.prepare(keys, mask), None)
    assert widths == [(2, 5)]
