"""Examples for evaluation, with all their right answers."""

from __future__ import annotations

from zoo.data.pairs.corpus import Example, Listed, Pair, examples_of

PAIRS = [Pair("read", "R EH D", 1), Pair("a", "AH", 2), Pair("read", "R IY D", 3), Pair("read", "R EH D", 4)]


def test_a_source_is_one_example_with_each_of_its_targets_once_in_their_order() -> None:
    assert examples_of(PAIRS, group=True) == [Example("read", ["R EH D", "R IY D"], 1), Example("a", ["AH"], 2)]


def test_ungrouped_every_line_is_an_example() -> None:
    assert [(one.source, one.references, one.line) for one in examples_of(PAIRS, group=False)] == [
        ("read", ["R EH D"], 1),
        ("a", ["AH"], 2),
        ("read", ["R IY D"], 3),
        ("read", ["R EH D"], 4),
    ]


def test_ungrouped_the_right_answers_of_one_line_stay_together() -> None:
    pairs = [Pair("a", "x", 1), Pair("a", "y", 1), Pair("a", "x", 2)]
    assert examples_of(pairs, group=False) == [Example("a", ["x", "y"], 1), Example("a", ["x"], 2)]


def test_a_corpus_in_memory_can_be_read_again() -> None:
    corpus = Listed("words", [("a", "x"), ("b", "y")])
    assert list(corpus) == list(corpus) == [Pair("a", "x", 1), Pair("b", "y", 2)]
    assert corpus.parts != Listed("words", [("a", "x"), ("b", "z")]).parts
