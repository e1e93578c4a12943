"""What stands beside a sentence in a batch changes nothing, in any score, scope, selection, and with coverage."""

import pytest
import torch

SCORES = ["additive", "concat", "dot", "scaled_dot", "general", "location", "multihead"]
every_combination = pytest.mark.parametrize(
    ("score", "scope", "selection"),
    [
        (score, scope, selection)
        for score in SCORES
        for scope in ("global", "local_m", "local_p")
        for selection in ("softmax", "top_k", "sparsemax", "entmax", "gumbel", "hard")
    ],
)
OPTIONS = {"window": 1, "k": 2, "coverage": True}


@pytest.fixture
def attention(build, score, scope, selection):
    return build(score, scope=scope, selection=selection, **OPTIONS).float()


@pytest.fixture
def batch(sentences):
    keys, mask, queries = sentences((6, 1, 0, 3), steps=4)
    return keys.float(), mask, queries.float() / 2  # scores below 4, whose steps in float32 are 2e-7


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@every_combination
@pytest.mark.parametrize("garbage", [9.0, float("nan"), float("inf")])
def test_padding_changes_nothing(attention, batch, loop, garbage):
    keys, mask, queries = batch
    contexts, weights = loop(attention, keys, mask, queries)
    more = torch.full((4, 20, 4), garbage)
    padded = torch.cat([keys.masked_fill(~mask.unsqueeze(-1), garbage), more], 1)
    padded_contexts, padded_weights = loop(attention, padded, torch.cat([mask, torch.zeros(4, 20).bool()], 1), queries)
    close(padded_contexts, contexts)
    close(padded_weights[..., :6], weights)
    assert not padded_weights[..., 6:].any()


@every_combination
def test_a_sentence_alone_is_the_sentence_in_a_batch(attention, batch, loop):
    keys, mask, queries = batch
    contexts, weights = loop(attention, keys, mask, queries)
    for row, length in enumerate((6, 1, 1, 3)):
        own = slice(row, row + 1)
        alone_contexts, alone_weights = loop(attention, keys[own, :length], mask[own, :length], queries[own])
        close(alone_contexts, contexts[own])
        close(alone_weights, weights[own, :, :length])


@every_combination
def test_order_of_the_batch_changes_nothing(attention, batch, loop):
    keys, mask, queries = batch
    order = torch.tensor([2, 0, 3, 1])
    for whole, permuted in zip(
        loop(attention, keys, mask, queries), loop(attention, keys[order], mask[order], queries[order]), strict=True
    ):
        assert torch.equal(whole[order], permuted)


@every_combination
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_empty_sentence_gets_zeros(attention, batch, loop, dtype, training):
    keys, mask, queries = batch
    attention = attention.to(dtype).train(training)
    contexts, weights = loop(attention, keys.to(dtype), mask, queries.to(dtype))
    assert contexts.dtype == dtype
    assert weights.dtype == torch.float32
    assert contexts.isfinite().all()
    assert weights.isfinite().all()
    assert not contexts[2].any()
    assert not weights[2].any()
    assert weights[0].any()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("scope", ["global", "local_m"])
def test_bfloat16_is_float64_to_two_digits(build, sentences, loop, score, scope):
    keys, mask, queries = sentences()
    attention = build(score, scope=scope, window=2)
    for parameter in attention.parameters():
        parameter.data.mul_(0.3)
    expected = loop(attention, keys, mask, queries)
    half = loop(attention.to(torch.bfloat16), keys.bfloat16(), mask, queries.bfloat16())
    for one, other in zip(expected, half, strict=True):
        torch.testing.assert_close(other.double(), one, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("score", SCORES)
def test_autocast_is_float64_to_two_digits(build, sentences, loop, score):
    keys, mask, queries = sentences()
    attention = build(score, scope="local_m", window=2, coverage=True)
    for parameter in attention.parameters():
        parameter.data.mul_(0.3)
    expected = loop(attention, keys, mask, queries)
    with torch.autocast("cpu", torch.bfloat16):
        contexts, weights = loop(attention.float(), keys.float(), mask, queries.float())
    assert weights.dtype == torch.float32
    for one, other in zip(expected, (contexts, weights), strict=True):
        torch.testing.assert_close(other.double(), one, rtol=0.02, atol=0.03)


@pytest.mark.parametrize("selection", ["softmax", "top_k", "sparsemax", "entmax", "gumbel", "hard"])
@pytest.mark.parametrize("scope", ["global", "local_m", "local_p"])
def test_energies_of_any_size_stay_finite(build, sentences, loop, scope, selection):
    keys, mask, queries = sentences()
    contexts, weights = loop(
        build("dot", scope=scope, selection=selection).float(), keys.float() * 1e10, mask, queries.float() * 1e10
    )
    assert contexts.isfinite().all()
    assert (weights.sum(-1) <= 1 + 1e-6).all()
