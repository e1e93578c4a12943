"""What cannot be is refused, in words that name the numbers."""

import inspect

import pytest
import torch

from zoo.errors import ConfigError
from zoo.seq2seq.attention import Attention
from zoo.seq2seq.attention.presets import local_m, local_p
from zoo.seq2seq.attention.scores.additive import Additive
from zoo.seq2seq.attention.scores.dot import dot, scaled_dot
from zoo.seq2seq.attention.scores.last import none
from zoo.seq2seq.attention.scores.location import location
from zoo.seq2seq.attention.scores.multihead import multihead


@pytest.mark.parametrize("factory", [dot, scaled_dot])
def test_a_dot_product_of_unequal_sizes(factory):
    with pytest.raises(ValueError, match=r"query_size is 6, key_size 8"):
        factory(query_size=6, key_size=8)


@pytest.mark.parametrize("preset", [local_m, local_p])
def test_a_preset_of_it_too(preset):
    with pytest.raises(ValueError, match=r"query_size is 6, key_size 8"):
        preset(query_size=6, key_size=8, score="dot")


def test_heads_that_do_not_divide():
    with pytest.raises(ValueError, match=r"heads=3 does not divide key_size 8"):
        multihead(query_size=6, key_size=8, heads=3)


def test_a_sentence_beyond_the_maximum_of_location():
    attention = location(query_size=4, key_size=4, max_length=5)
    memory = attention.prepare(torch.randn(2, 7, 4), torch.arange(7) < torch.tensor([[7], [2]]))
    with pytest.raises(ConfigError, match=r"attention.max_length: a source of 7 positions.* has 5"):
        attention(torch.randn(2, 4), memory, None)


def test_padding_beyond_the_maximum_of_location_is_none():
    attention = location(query_size=4, key_size=4, max_length=5)
    keys, mask, query = torch.randn(2, 7, 4), torch.arange(7) < torch.tensor([[5], [2]]), torch.randn(2, 4)
    _, weights, _ = attention(query, attention.prepare(keys, mask), None)
    _, expected, _ = attention(query, attention.prepare(keys[:, :5], mask[:, :5]), None)
    torch.testing.assert_close(weights[:, :5], expected)


def test_a_beam_given_as_rows():
    attention = dot(query_size=4, key_size=4)
    memory = attention.prepare(torch.randn(2, 3, 4), torch.ones(2, 3).bool())
    with pytest.raises(ValueError, match=r"10 rows and a memory of 2 sentences.*\(B, N, Q\)"):
        attention(torch.randn(10, 4), memory, None)


@pytest.mark.parametrize("mask", [torch.ones(2, 3), torch.ones(3, 2).bool()])
def test_a_mask_of_another_shape_or_type(mask):
    with pytest.raises(ValueError, match=r"torch.bool"):
        dot(query_size=4, key_size=4).prepare(torch.randn(2, 3, 4), mask)


def test_a_score_that_reads_coverage_where_there_is_none():
    with pytest.raises(ValueError, match=r"coverage=True"):
        Attention(Additive(4, 4, coverage=True), 4)


def test_none_has_nothing_to_choose():
    assert list(inspect.signature(none).parameters) == ["query_size", "key_size"]
