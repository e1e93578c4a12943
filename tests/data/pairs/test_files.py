"""Aligned files and tab-separated columns: what they give, and what is wrong with them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.data.pairs.corpus import Corpus, Pair
from zoo.data.pairs.pairs import PairFiles
from zoo.errors import ConfigError, DataError

Write = Callable[..., str]
Rows = list[tuple[str, str]]


@pytest.fixture
def forms(rows: Rows, write: Callable[..., str]) -> Callable[[str], PairFiles]:
    """The same pairs in every form that there is."""

    def make(form: str) -> PairFiles:
        table = "".join(f"{source}\t{target}\n" for source, target in rows)
        sources, targets = ("".join(f"{row[side]}\n" for row in rows) for side in (0, 1))
        named = "id\tform\tlemma\n" + "".join(f"{n}\t{b}\t{a}\n" for n, (a, b) in enumerate(rows))
        lines = "".join(json.dumps({"n": 1, "source": a, "target": b}) + "\n" for a, b in rows)
        own_keys = "".join(json.dumps({"en": b, "de": a}, ensure_ascii=False) + "\n" for a, b in rows)
        zipped = {name: gzip.compress(text.encode()) for name, text in (("t", table), ("j", lines), ("s", sources))}
        options = {
            "tsv": lambda: {"path": write(table, "a.tsv")},
            "tsv.gz": lambda: {"path": write(zipped["t"], "a.tsv.gz")},
            "tsv with a byte order mark": lambda: {"path": write("\ufeff" + table, "a.tsv")},
            "tsv of Windows": lambda: {"path": write(table.replace("\n", "\r\n"), "a.tsv")},
            "tsv without a last line end": lambda: {"path": write(table.removesuffix("\n"), "a.tsv")},
            "tsv by names": lambda: {
                "path": write(named, "a.tsv"),
                "source_column": "lemma",
                "target_column": "form",
            },
            "tsv by numbers": lambda: {
                "path": write(named.split("\n", 1)[1], "a.tsv"),
                "source_column": 2,
                "target_column": 1,
            },
            "tsv by numbers from the end": lambda: {
                "path": write(named, "a.txt"),
                "source_column": -1,
                "target_column": 1,
                "header": True,
            },
            "aligned": lambda: {"source_path": write(sources, "a.de"), "target_path": write(targets, "a.en")},
            "aligned, one of them gz": lambda: {
                "source_path": write(zipped["s"], "a.de.gz"),
                "target_path": write("\ufeff" + targets.replace("\n", "\r\n"), "a.en"),
            },
            "jsonl": lambda: {"path": write(lines, "a.jsonl")},
            "jsonl.gz": lambda: {"path": write(zipped["j"], "a.jsonl.gz")},
            "jsonl by keys": lambda: {
                "path": write(own_keys, "a.text"),
                "format": "jsonl",
                "source_column": "de",
                "target_column": "en",
            },
        }
        return PairFiles(tokenizer="space", **options[form]())  # type: ignore[no-untyped-call]

    return make


FORMS = [
    "tsv",
    "tsv.gz",
    "tsv with a byte order mark",
    "tsv of Windows",
    "tsv without a last line end",
    "tsv by names",
    "tsv by numbers",
    "tsv by numbers from the end",
    "aligned",
    "aligned, one of them gz",
    "jsonl",
    "jsonl.gz",
    "jsonl by keys",
]


def corpus(**options: Any) -> Corpus:
    found = PairFiles(**options).open_corpus("train")
    assert found is not None
    return found


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pairs_as_often_as_asked(form: str, forms: Any, rows: Any) -> None:
    opened = forms(form).open_corpus("train")
    for _ in range(2):
        assert [(pair.source, pair.target) for pair in opened] == rows
    first = 2 if form in ("tsv by names", "tsv by numbers from the end") else 1
    assert [pair.line for pair in opened] == list(range(first, first + len(rows)))


@pytest.mark.parametrize(("sources", "targets"), [(5, 3), (3, 5), (1, 2), (2, 1)], ids=lambda number: str(number))
def test_misaligned_files_are_named_with_both_numbers_of_lines(sources: int, targets: int, write: Write) -> None:
    paths = {"source_path": write(["a"] * sources, "x.de"), "target_path": write(["b"] * targets, "x.en")}
    few = f"{sources} line{'s' if sources > 1 else ''}"
    with pytest.raises(DataError, match=rf"x\.de: has {few}, and \S*x\.en has {targets}; line n of one must"):
        list(corpus(**paths))


def test_a_blank_line_at_the_end_of_one_file_is_a_misalignment(write: Write) -> None:
    with pytest.raises(DataError, match=r"x\.de: has 3 lines, and \S*x\.en has 2"):
        list(corpus(source_path=write("a\nb\n\n", "x.de"), target_path=write("a\nb\n", "x.en")))


@pytest.mark.parametrize(("side", "name"), [("source", r"x\.de"), ("target", r"x\.en")])
def test_an_empty_line_of_an_aligned_file_is_named(side: str, name: str, write: Write) -> None:
    texts = {"source": ["a", "b", "c"], "target": ["a", "b", "c"]}
    texts[side][1] = " \u00a0"
    paths = {"source_path": write(texts["source"], "x.de"), "target_path": write(texts["target"], "x.en")}
    with pytest.raises(DataError, match=rf"{name}, line 2: the line is empty; .*data\.skip_empty=true"):
        list(corpus(**paths))
    skipping = corpus(**paths, skip_empty=True)
    for _ in range(2):
        assert list(skipping) == [Pair("a", "a", 1), Pair("c", "c", 3)]
        assert skipping.skipped == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("b\tc\td", r"3 columns, expected 2 \(source TAB target\); check for a missing or stray TAB"),
        ("b", r"1 column, expected 2"),
        ("", "the line is empty; remove the pair"),
        ("\t", "the line is empty"),
        ("b\t ", "the target is empty; .*data.skip_empty=true"),
        ("\tc", "the source is empty"),
    ],
)
@pytest.mark.parametrize("number", [2, 4])
def test_a_wrong_line_of_a_table_is_named(line: str, problem: str, number: int, write: Write) -> None:
    lines = ["a\tb"] * 4
    lines[number - 1] = line
    with pytest.raises(DataError, match=rf"x\.tsv, line {number}: {problem}"):
        list(corpus(path=write(lines, "x.tsv")))


def test_empty_lines_and_sides_are_left_out_and_counted_on_demand(write: Write) -> None:
    table = corpus(path=write(["a\tb", "", "c\t", "\td", "e\tf"], "x.tsv"), skip_empty=True)
    for _ in range(2):
        assert [pair.line for pair in table] == [1, 5]
        assert table.skipped == 3


def test_a_wrong_width_is_an_error_even_where_empty_lines_are_not(write: Write) -> None:
    with pytest.raises(DataError, match="line 2: 1 column"):
        list(corpus(path=write(["a\tb", "c", "e\tf"], "x.tsv"), skip_empty=True))


def test_the_first_line_says_how_many_columns_there_are(write: Write) -> None:
    table = corpus(path=write(["1\ta\tb", "2\tc\td"], "x.tsv"), source_column=1, target_column=2)
    assert [(pair.source, pair.target) for pair in table] == [("a", "b"), ("c", "d")]
    with pytest.raises(DataError, match="line 2: 2 columns, expected 3; check"):
        list(corpus(path=write(["1\ta\tb", "2\tc"], "x.tsv"), source_column=1, target_column=2))


def test_quotation_marks_are_text(write: Write) -> None:
    assert list(corpus(path=write('"a\t"b"\n', "x.tsv"))) == [Pair('"a', '"b"', 1)]


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"target_column": 2}, DataError, r"line 1: 2 columns, and data\.target_column is 2; .*counted from 0"),
        ({"source_column": -3}, DataError, r"line 1: 2 columns, and data\.source_column is -3"),
        ({"target_column": 0}, ConfigError, r"data\.target_column: column 0 is the source; name another"),
        ({"target_column": -2}, ConfigError, r"data\.target_column: column 0 is the source"),
        ({"source_column": "lema"}, DataError, r"line 1: no column named 'lema'; set data\.source_column; .*'lemma'"),
        ({"source_column": "lemma", "header": False}, ConfigError, r"data\.source_column: 'lemma' needs a first line"),
        ({"header": True, "target_column": 5}, DataError, r"data\.target_column is 5"),
    ],
)
def test_columns_that_are_not_there_are_named(
    options: dict[str, Any], error: type[Exception], problem: str, write: Write
) -> None:
    with pytest.raises(error, match=problem):
        list(corpus(path=write(["lemma\tform", "a\tb"], "x.tsv"), **options))


def test_a_name_that_two_columns_have_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="several columns named 'word'"):
        list(corpus(path=write(["word\tword", "a\tb"], "x.tsv"), source_column="word", target_column=1))


def test_an_error_shows_no_whole_sentences_for_column_names(write: Write) -> None:
    with pytest.raises(DataError, match="no column named 'en'") as refusal:
        list(corpus(path=write("word " * 500 + "\t" + "wort " * 500 + "\n", "x.tsv"), source_column="en"))
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        ("", "x.tsv", "is empty"),
        ("a\tb\n", "x.tsv.gz", "cannot be read: Not a gzipped file"),
        ("a\tb\n".encode("utf-16"), "x.tsv", "line 1: is not UTF-8 text"),
        ("a,b\n", "x.csv", "line 1: 1 column, and data.target_column is 1; a line is source TAB target"),
    ],
)
def test_a_file_of_another_kind_is_named(content: str | bytes, name: str, problem: str, write: Write) -> None:
    with pytest.raises(DataError, match=problem):
        list(corpus(path=write(content, name)))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for split in ("", "val_", "test_"):
        paths = {"path": str(tmp_path / "absent.tsv")} | {f"{split}path": str(tmp_path / "absent.tsv")}
        with pytest.raises(DataError, match=r"absent\.tsv: no such file"):
            PairFiles(**paths).setup()
    with pytest.raises(DataError, match="is a folder; name a file in it"):
        corpus(path=str(tmp_path))


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        ({}, r"data\.path: is not set; name a file, or data\.source_path and data\.target_path"),
        ({"source_path": "a"}, r"data\.target_path: is not set, and data\.source_path is; name both files"),
        ({"target_path": "a"}, r"data\.source_path: is not set, and data\.target_path is"),
        ({"path": "a", "source_path": "b"}, r"data\.path: cannot stand together with data\.source_path"),
        ({"path": "a", "val_source_path": "b"}, r"data\.val_target_path: is not set"),
        ({"path": "a", "test_path": ""}, r"data\.test_path: is empty; name a file"),
        ({"source_path": "a", "target_path": "b", "format": "tsv"}, r"data\.format: is for a single file of pairs"),
        ({"source_path": "a", "target_path": "b", "source_column": 1}, r"data\.source_column: is for a single file"),
        ({"source_path": "a", "target_path": "b", "target_column": "en"}, r"data\.target_column: is for a single"),
        ({"source_path": "a", "target_path": "b", "header": False}, r"data\.header: is for a single file of pairs"),
    ],
)
def test_files_that_cannot_be_chosen_are_refused_before_any_is_read(paths: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PairFiles(**paths)


def test_columns_count_where_one_split_is_a_single_file(write: Write) -> None:
    aligned = {"source_path": write(["a"] * 3, "x.de"), "target_path": write(["b"] * 3, "x.en")}
    data = PairFiles(**aligned, test_path=write(["1\ta\tb"], "x.tsv"), source_column=1, target_column=2)
    test = data.open_corpus("test")
    assert test is not None
    assert list(test) == [Pair("a", "b", 1)]
