"""Which id stands for which token."""

from __future__ import annotations

import random

import pytest

from zoo.data.text import BEGIN, END, PADDING, SPECIAL, UNKNOWN, Vocabulary


def test_special_tokens_have_the_first_four_ids() -> None:
    vocabulary = Vocabulary.count(["a"])
    assert (PADDING, UNKNOWN, BEGIN, END) == (0, 1, 2, 3)
    assert [vocabulary.token(index) for index in range(5)] == [*SPECIAL, "a"]


def test_frequent_tokens_come_first_and_ties_are_in_code_point_order() -> None:
    assert Vocabulary.count(["b", "b", "c", "a", "c", "d"]).tokens == ("b", "c", "a", "d")


def test_order_of_the_text_does_not_matter() -> None:
    tokens = [chr(97 + i % 26) * (i % 3 + 1) for i in range(500)]
    shuffled = random.Random(0).sample(tokens, len(tokens))
    assert Vocabulary.count(tokens) == Vocabulary.count(shuffled)


def test_tokens_seen_too_rarely_are_unknown() -> None:
    vocabulary = Vocabulary.count(["a", "a", "a", "b", "b", "c"], min_count=2)
    assert vocabulary.ids(["a", "b", "c", "never"]) == [4, 5, UNKNOWN, UNKNOWN]


def test_max_size_counts_the_special_tokens() -> None:
    vocabulary = Vocabulary.count(["a", "a", "a", "b", "b", "c"], max_size=6)
    assert len(vocabulary) == 6
    assert vocabulary.tokens == ("a", "b")


def test_text_spelt_like_a_special_token_is_ordinary() -> None:
    vocabulary = Vocabulary.count(["</s>", "<pad>", "word"])
    assert min(vocabulary.ids(["</s>", "<pad>", "word"])) >= len(SPECIAL)
    assert Vocabulary.count(["word"]).ids(["</s>", "<pad>", "<s>"]) == [UNKNOWN] * 3


@pytest.mark.parametrize(("tokens", "options"), [([], {}), (["a", "b"], {"min_count": 2}), (["a"], {"max_size": 4})])
def test_an_empty_vocabulary_is_refused(tokens: list[str], options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"no tokens|leaves none"):
        Vocabulary.count(tokens, **options)


@pytest.mark.parametrize("index", [-1, 5])
def test_an_id_that_does_not_exist_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="5"):
        Vocabulary.count(["a"]).token(index)


def test_state_brings_it_back() -> None:
    vocabulary = Vocabulary.count(["x", "y", "y"])
    assert Vocabulary.from_state(vocabulary.to_state()) == vocabulary
