"""The report of a translation run counts what is right, and shows what is wrong."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

from zoo.report import fonts, translation
from zoo.report.page import page
from zoo.report.section import Section, Table
from zoo.report.translation import (
    TranslationExample,
    characters,
    confusions_table,
    draw_lengths,
    drawn_examples,
    edit_alignment,
    length_bins,
    nearest,
    report_translations,
    told_tokenizer,
)

EVIL = "<script>alert('x')</script>"


def example(predicted: str, *references: str, source: str = "abc", weights: bool = False) -> TranslationExample:
    """Tokens are words, the source's are letters; both end with the end."""
    tokens, letters = [*predicted.split(), "</s>"], [*source, "</s>"]
    shape = (len(tokens), len(letters))
    return TranslationExample(
        source, letters, tokens, predicted, references, np.full(shape, 1 / shape[1]) if weights else None, -1.5
    )


def tables(section: Section) -> list[Table]:
    return [one for one in section.content if isinstance(one, Table)]


def distance(right: str, predicted: str) -> int:
    """Levenshtein's, by its recursive definition."""

    @functools.cache
    def between(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = 0 if right[i - 1] == predicted[j - 1] else 1
        return min(between(i - 1, j - 1) + same, between(i - 1, j) + 1, between(i, j - 1) + 1)

    return between(len(right), len(predicted))


@pytest.mark.parametrize("seed", range(200))
def test_an_alignment_has_both_sides_in_order_and_costs_the_edit_distance(seed: int) -> None:
    random = np.random.default_rng(seed)
    right, predicted = ("".join(random.choice(list("abc"), random.integers(0, 9))) for _ in range(2))
    pairs = edit_alignment(right, predicted)
    assert "".join(one for one, _ in pairs if one != "–") == right
    assert "".join(one for _, one in pairs if one != "–") == predicted
    assert ("–", "–") not in pairs
    assert sum(one != other for one, other in pairs) == distance(right, predicted)


@pytest.mark.parametrize(
    ("right", "predicted", "pairs"),
    [
        ("", "", []),
        ("a", "", [("a", "–")]),
        ("", "a", [("–", "a")]),
        ("ab", "ba", [("a", "b"), ("b", "a")]),
        ("kitten", "sitting", [*zip("kitten", "sittin", strict=True), ("–", "g")]),
        ("abcd", "acd", [("a", "a"), ("b", "–"), ("c", "c"), ("d", "d")]),
    ],
)
def test_an_alignment_prefers_tokens_opposite_each_other(
    right: str, predicted: str, pairs: list[tuple[str, str]]
) -> None:
    assert edit_alignment(right, predicted) == pairs


def test_a_prediction_is_compared_with_the_nearest_right_answer() -> None:
    assert nearest(list("abx"), [list("zzzz"), list("aby"), list("abz")]) == [("a", "a"), ("b", "b"), ("y", "x")]


def test_any_of_several_right_answers_counts() -> None:
    examples = [example("A B", "A B", "A C"), example("A C", "A B", "A C"), example("A", "A B", "A C")]
    assert [one.right for one in examples] == [True, True, False]
    section = report_translations(examples)
    assert section.text == "2 of 3 test examples are right (66.7 %). Any of several right answers counts."
    assert tables(section)[0].rows[2] == ["abc", "A", ["A B", "A C"], "no", -1.5]


def test_the_table_shows_examples_spread_over_the_whole_split() -> None:
    examples = [example("A", "A", source=str(number)) for number in range(100)]
    table = tables(report_translations(examples, rows=4))[0]
    assert [row[0] for row in table.rows] == ["0", "25", "50", "75"]
    assert table.caption == "4 of 100 test examples."
    assert len(tables(report_translations(examples[:3]))[0].rows) == 3


def test_without_log_probabilities_there_is_no_column_of_them() -> None:
    one = TranslationExample("a", ["a"], ["b"], "b", ["b"])
    table = tables(report_translations([one]))[0]
    assert table.header == ["source", "predicted", "right answers", "right"]
    assert table.rows == [["a", "b", ["b"], "yes"]]


def test_confusions_are_counted_by_hand() -> None:
    examples = [
        example("A B C", "A B C"),
        example("A X C", "A B C"),
        example("X X C", "A B C"),
        example("A B", "A B C"),
        example("A B C D", "A B C"),
    ]
    table = confusions_table(examples)
    assert table is not None
    assert list(table.rows) == [
        ("B", "X", 2, 40.0),
        ("A", "X", 1, 20.0),
        ("C", "–", 1, 20.0),
        ("–", "D", 1, None),
    ]


def test_confusions_need_few_tokens_and_errors() -> None:
    assert confusions_table([example("A B", "A B")]) is None
    many = [example(f"w{number} x", f"w{number} y") for number in range(translation.MOST_TOKENS)]
    assert confusions_table(many) is None
    assert confusions_table(many[:-1]) is not None


def test_confusions_of_a_long_split_are_of_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "MOST_CELLS", 50)
    table = confusions_table([example("A X C", "A B C")] * 10)
    assert table is not None
    assert list(table.rows) == [("B", "X", 5, 100.0)]
    assert "The first 5 test examples." in table.caption


def test_the_tokens_of_right_answers_are_told_from_the_predictions() -> None:
    assert told_tokenizer([example("A B", "A C")]) is str.split
    letters = TranslationExample("a", ["a"], ["a", "b", "␣", "c\u0303", "</s>"], "ab c\u0303", ["x"])
    assert told_tokenizer([letters]) is characters
    pieces = TranslationExample("a", ["a"], ["▁un", "seen", "</s>"], "unseen", ["seen"])
    assert told_tokenizer([pieces]) is None
    assert confusions_table([pieces]) is None
    assert told_tokenizer([]) is None


def test_a_tokenizer_can_be_given() -> None:
    pieces = TranslationExample("a", ["a"], ["▁un", "seen"], "unseen", ["undone"])
    table = tables(report_translations([pieces], tokenize=lambda text: ["▁" + text[:2], text[2:]]))[1]
    assert list(table.rows) == [("done", "seen", 1, 100.0)]


@pytest.mark.parametrize("seed", range(20))
def test_every_example_is_in_one_range_of_lengths_and_ranges_are_not_small(seed: int) -> None:
    random = np.random.default_rng(seed)
    lengths = random.poisson(random.integers(1, 60), random.integers(10, 2000)) + 1
    bins = length_bins(lengths)
    inside = np.stack([one for _, one in bins])
    assert (inside.sum(axis=0) == 1).all()
    assert (inside.sum(axis=1) >= min(5, len(lengths))).all()
    assert len(bins) <= translation.MOST_BINS
    for name, one in bins:
        low, high = ([*map(int, name.split("–"))] * 2)[:2]
        assert (one == ((lengths >= low) & (lengths <= high))).all()


def test_lengths_with_enough_examples_stand_alone() -> None:
    lengths = np.repeat([2, 3, 4, 5, 9], [100, 100, 50, 3, 1])
    assert [name for name, _ in length_bins(lengths)] == ["2", "3", "4–9"]
    assert [name for name, _ in length_bins(np.array([4, 4, 7]))] == ["4–7"]


def test_shares_by_length_are_told_with_wilsons_interval() -> None:
    for right, count in ((0, 7), (3, 7), (7, 7), (40, 90)):
        expected = binomtest(right, count).proportion_ci(method="wilson")
        found = translation._wilson(np.arange(count) < right)
        assert found == pytest.approx((count, right / count, expected.low, expected.high), abs=1e-6)


def test_the_share_right_is_drawn_by_the_length_of_the_source_without_its_end() -> None:
    examples = [example("A", "A", source="ab")] * 6 + [example("B", "A", source="abc")] * 3
    examples += [example("A", "A", source="abc")] * 9
    picture = draw_lengths(examples)
    assert picture is not None
    assert picture.name == "lengths"
    assert "2: 100%, 3: 75%" in picture.alternative


def test_shares_that_say_nothing_are_not_drawn() -> None:
    assert draw_lengths([example("A", "A")] * 50) is None
    assert draw_lengths([example("B", "A", source="a" * (1 + number % 5)) for number in range(50)]) is None


def test_as_many_right_as_wrong_examples_are_drawn() -> None:
    right = [example("A", "A", source=f"r{i}", weights=True) for i in range(5)]
    wrong = [example("B", "A", source=f"w{i}", weights=True) for i in range(5)]
    bare = [example("B", "A", source="no weights")]

    def chosen(examples: list[TranslationExample], count: int) -> list[str]:
        return [one.source for one in drawn_examples(bare + examples, count)]

    assert chosen(right + wrong, 4) == ["r0", "r1", "w0", "w1"]
    assert chosen(wrong + right, 3) == ["w0", "r0", "r1"]
    assert chosen(right, 4) == ["r0", "r1", "r2", "r3"]
    assert chosen(wrong, 4) == ["w0", "w1", "w2", "w3"]
    assert chosen(right[:1] + wrong, 4) == ["r0", "w0", "w1", "w2"]
    assert chosen(right, 0) == []


def test_pictures_have_names_of_their_own_and_say_what_is_right() -> None:
    examples = [example("A", "A", weights=True), example("B C", "A", "D", weights=True), example("D", "A", "D")]
    pictures = report_translations(examples).pictures
    assert [one.name for one in pictures] == ["attention-1", "attention-2"]
    assert pictures[0].caption == "Right."
    assert pictures[1].caption == "Wrong; right would be A or D."
    assert Image.open(io.BytesIO(pictures[0].png)).format == "PNG"


def test_a_missing_font_is_noted_once_in_the_section(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fonts._families, "가", None)
    section = report_translations([example("A", "A", source="가", weights=True)] * 3)
    assert section.text.count("No installed font has U+AC00") == 1
    assert [one.caption for one in section.pictures] == ["Right."] * 3


def test_hypotheses_without_a_token_can_be_reported() -> None:
    empty = TranslationExample("a", ["a", "</s>"], [], "", ["b"], np.zeros((0, 2)), -0.1)
    section = report_translations([empty, example("A", "B", weights=True)])
    assert len(section.pictures) == 1
    assert tables(section)[0].rows[0] == ["a", "", ["b"], "no", -0.1]


def test_there_may_be_no_examples() -> None:
    assert report_translations([]) == Section("Test predictions", text="There is no test example.")


def test_the_page_shows_texts_in_lines_escaped(tmp_path: Path, read_page: Any) -> None:
    examples = [example(EVIL, EVIL, f"{EVIL}2", source=EVIL, weights=True), example("A", "b", weights=True)]
    path = tmp_path / "report.html"
    path.write_text(page({}, {}, {}, {}, [report_translations(examples)], name="run"), encoding="utf-8")
    found = read_page(path)
    assert EVIL not in found.source
    assert [EVIL, EVIL, f"{EVIL}{EVIL}2", "yes", "−1.50"] in found.rows
    assert found.source.count("<br>") == 1
    assert ("table", {"class": "words texts"}) in found.tags


def test_a_large_split_is_reported_in_seconds() -> None:
    random = np.random.default_rng(0)
    words = [" ".join(random.choice(list("ABCDEFGH"), 7)) for _ in range(5000)]
    examples = [example(word, word if number % 3 else word[::-1]) for number, word in enumerate(words)]
    assert len(report_translations(examples).content) == 2
