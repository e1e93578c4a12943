"""JSON lines: what they give, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zoo.data.pairs.corpus import Corpus, Pair
from zoo.data.pairs.pairs import PairFiles
from zoo.errors import ConfigError, DataError

Write = Callable[..., str]


def corpus(**options: Any) -> Corpus:
    found = PairFiles(**options).open_corpus("train")
    assert found is not None
    return found


def test_a_list_of_targets_is_a_pair_each(write: Write) -> None:
    path = write(['{"source": "read", "target": ["R EH D", "R IY D"]}', '{"source": "a", "target": "AH"}'], "x.jsonl")
    assert list(corpus(path=path)) == [Pair("read", "R EH D", 1), Pair("read", "R IY D", 1), Pair("a", "AH", 2)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"source": "a"}', "has no 'target'; it has 'source'"),
        ('{"target": "a"}', "has no 'source'; it has 'target'"),
        ("{}", "has no 'source'; it has nothing"),
        ('{"source": "a", "target": null}', "'target' is null, no text; quote it"),
        ('{"source": 7, "target": "b"}', "'source' is 7, no text; quote it"),
        ('{"source": "a", "target": []}', r"'target' is \[\], no text"),
        ('{"source": "a", "target": ["b", 3]}', "'target' is 3, no text"),
        ('{"source": "a\\ud800", "target": "b"}', "'source' has half of a surrogate pair; write the whole character"),
        ('{"source": "a", "target": " "}', "the target is empty; .*data.skip_empty=true"),
        ('{"source": "", "target": "b"}', "the source is empty"),
        ("", "the line is empty"),
        ('{"source": "a",', "is not JSON: .*; write one object a line"),
        ('["a", "b"]', "is no JSON object; write"),
        ('"a"', "is no JSON object"),
    ],
)
def test_a_wrong_line_is_named(line: str, problem: str, write: Write) -> None:
    with pytest.raises(DataError, match=rf"x\.jsonl, line 2: {problem}"):
        list(corpus(path=write(['{"source": "a", "target": "b"}', line], "x.jsonl")))


def test_a_whole_surrogate_pair_is_a_character(write: Write) -> None:
    path = write('{"source": "\\ud83d\\ude00", "target": "b"}\n', "x.jsonl")
    assert list(corpus(path=path)) == [Pair("😀", "b", 1)]


def test_empty_ones_are_left_out_and_counted_on_demand(write: Write) -> None:
    lines = [
        "",
        '{"source": "a", "target": ["b", ""]}',
        '{"source": " ", "target": "c"}',
        '{"source": "d", "target": "e"}',
    ]
    found = corpus(path=write(lines, "x.jsonl"), skip_empty=True)
    for _ in range(2):
        assert list(found) == [Pair("a", "b", 2), Pair("d", "e", 4)]
        assert found.skipped == 3


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"source_column": 0}, r"data\.source_column: 0 is a position, and JSON has keys; give the key"),
        ({"target_column": 1}, r"data\.target_column: 1 is a position"),
        ({"header": True}, r"data\.header: is for tab-separated text, and \S*x\.jsonl is JSON"),
    ],
)
def test_options_of_tables_are_refused(options: dict[str, Any], problem: str, write: Write) -> None:
    with pytest.raises(ConfigError, match=problem):
        list(corpus(path=write(['{"source": "a", "target": "b"}'], "x.jsonl"), **options))


@pytest.mark.parametrize("name", ["x.json", "x.ndjson", "X.JSONL", "x.jsonl.gz"])
def test_the_extension_tells(name: str, write: Write) -> None:
    import gzip

    line = b'{"source": "a", "target": "b"}\n'
    assert list(corpus(path=write(gzip.compress(line) if name.endswith("gz") else line, name))) == [Pair("a", "b", 1)]


def test_the_format_overrules_the_extension(write: Write) -> None:
    assert list(corpus(path=write("a\tb\n", "x.jsonl"), format="tsv")) == [Pair("a", "b", 1)]
