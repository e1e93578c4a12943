"""What a trained model is asked, and what a search must heed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from zoo.data.pairs.files import Columns
from zoo.data.pairs.pairs import PairFiles
from zoo.data.pairs.requests import Request, read_requests, requests_from
from zoo.data.source import find_source
from zoo.data.text import END, UNKNOWN
from zoo.errors import DataError

Write = Callable[..., str]


def read(path: Any, columns: Columns | None = None) -> list[Request]:
    return read_requests(find_source(path), columns or Columns(), [])


@pytest.fixture
def data(table: str) -> PairFiles:
    found = PairFiles(path=table, tokenizer="space")
    found.setup()
    return found


def test_every_line_of_plain_text_is_a_source_blank_ones_too(write: Write) -> None:
    path = write("\ufeffein Hund\r\n\r\n  u\u0308ber  uns\n", "input.txt")
    assert read(path) == [Request("ein Hund", line=1), Request("", line=2), Request("über uns", line=3)]
    assert read(io.StringIO("ein Hund\n\nzwei\n")) == [
        Request("ein Hund", line=1),
        Request("", line=2),
        Request("zwei", line=3),
    ]


@pytest.mark.parametrize(
    ("content", "columns", "expected"),
    [
        ("a\tb\n", Columns(), ("a", "b")),
        ("1\ta\tb\n", Columns(1, 2), ("a", "b")),
        ("1\ta\n", Columns(1, 2), ("a", None)),
        ("de\ten\na\tb\n", Columns("de", "en"), ("a", "b")),
        ("n\tde\n1\ta\n", Columns("de", "en"), ("a", None)),
        ("de\na\n", Columns("de", "en"), ("a", None)),
        ("a\n", Columns("de", "en"), ("a", None)),
    ],
)
def test_columns_are_those_of_training_and_the_target_may_be_missing(
    content: str, columns: Columns, expected: tuple[str, str | None], write: Write
) -> None:
    (request,) = read(write(content, "input.tsv"), columns)
    assert (request.source, request.target) == expected


@pytest.mark.parametrize(
    ("content", "columns", "problem"),
    [
        ("a\tb\nc\n", Columns(), "line 2: 1 column, expected 2"),
        ("a\nb\tc\n", Columns(), "line 2: has a TAB, and the first line has none"),
        ("a\tb\n", Columns("de", "en"), "line 1: no column named 'de'"),
        ("a\tb\n", Columns(5, 1), "line 1: 2 columns, and data.source_column is 5"),
    ],
)
def test_a_wrong_line_of_a_table_is_named(content: str, columns: Columns, problem: str, write: Write) -> None:
    with pytest.raises(DataError, match=problem):
        read(write(content, "input.tsv"), columns)


def test_json_lines_say_all_that_can_be_asked(write: Write) -> None:
    lines = [
        {"source": "a", "target": ["b", "c"], "prefix": " x  y", "must": "u", "must_not": ["v", "w"], "id": 7},
        {"source": ""},
    ]
    notes: list[str] = []
    for path in (
        write([json.dumps(line) for line in lines], "input.jsonl"),
        write([json.dumps(line) for line in lines], "i"),
    ):
        found = read_requests(find_source(path), Columns(), notes)
        assert found == [Request("a", "b", "x y", ["u"], ["v", "w"], 1), Request("", line=2)]
    assert "not read: 'id'" in notes[0]
    (own,) = requests_from([{"de": "a", "en": "b"}], Columns("de", "en"), [])
    assert (own.source, own.target, own.line) == ("a", "b", None)
    assert requests_from([{"source": "a"}], Columns("de", "en"), []) == [Request("a")]


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"target": "b"}, "has no 'source'; it has 'target'"),
        ({}, "has no 'source'; it has nothing"),
        ({"source": 3}, "'source' is 3, no text"),
        ({"source": "a", "must": [""]}, "'must' has an empty text; leave it out"),
        ({"source": "a", "must_not": [1]}, "'must_not' is 1, no text"),
        ({"source": "a", "prefix": None}, "'prefix' is null, no text"),
    ],
)
def test_a_wrong_record_is_named(record: dict[str, Any], problem: str, write: Write) -> None:
    with pytest.raises(DataError, match=f"the records: {problem}"):
        requests_from([record], Columns(), [])
    with pytest.raises(DataError, match=rf"x\.jsonl, line 2: {problem}"):
        read(write(['{"source": "a"}', json.dumps(record)], "x.jsonl"))


def test_every_row_of_the_input_is_a_row_of_the_data_set(data: PairFiles, write: Write) -> None:
    dataset = data.read(write("ka ra\n\nnie ka\n", "input.txt"))
    assert [dataset[row][0]["source"].tolist() for row in range(3)] == [
        data.encode_source("ka ra"),
        [END],
        data.encode_source("nie ka"),
    ]
    assert data.notes[0].endswith("input.txt: 1 of 4 source tokens are not in the vocabulary")
    with pytest.raises(DataError, match="has no sources"):
        data.read(write("\n\n", "none.jsonl"))
    with pytest.raises(DataError, match="is empty"):
        data.read(write("", "none.txt"))


def test_unknown_tokens_are_shown_as_they_were_written(data: PairFiles) -> None:
    data.read_records([{"source": "ka ☃ ra nie"}, {"source": "same ka"}, {"source": "other ka"}])
    ids = data.encode_source("ka ☃ ra nie")
    assert data.source_text(ids) == "ka ☃ ra nie"
    assert data.source_text([*ids, 0, 0]) == "ka ☃ ra nie"
    assert data.source_tokens(ids) == ["ka", "☃", "ra", "nie", "</s>"]
    either = data.encode_source("same ka")  # two texts have these ids
    assert data.source_text(either) == "<unk> ka"
    assert data.source_tokens(either) == ["<unk>", "ka", "</s>"]


def test_an_unknown_target_token_becomes_the_source_token_looked_at(data: PairFiles) -> None:
    data.read_records([{"source": "ka ☃ ra"}])
    source = data.encode_source("ka ☃ ra")
    ra = data.encode_target("ra")[0]
    assert data.decode_with_source([UNKNOWN, ra, UNKNOWN], source, [1, 1, 2]) == "☃ ra ra"
    assert data.decode_with_source([UNKNOWN, ra], source, [3, 0]) == "<unk> ra"  # the end of a source is no text


def test_constraints_are_those_of_the_row_and_of_all(data: PairFiles) -> None:
    data.read_records(
        [{"source": "ka"}, {"source": "ra", "prefix": "ti", "must": ["no ti", "x"], "must_not": ["bu", "never seen"]}]
    )
    encode = data.encode_target
    assert data.constraints([1, 0]) == {
        "prefixes": [encode("ti"), []],
        "must": [[encode("no ti"), encode("x")], []],
        "must_not": [[encode("bu")], []],
    }
    assert data.constraints([0]) == {}
    assert data.constraints([0], must=["ka"], must_not=["☃ ka", "ka"]) == {
        "must": [[encode("ka")]],
        "must_not": [[encode("ka")]],
    }
    with pytest.raises(DataError, match=r"decode\.must: '☃' cannot appear: the target vocabulary has no tokens for it"):
        data.constraints([0], must=["☃"])


def test_what_cannot_appear_is_named_with_its_line(data: PairFiles, write: Write) -> None:
    path = write(['{"source": "ka"}', '{"source": "ka", "must": ["no ☃"]}'], "input.jsonl")
    with pytest.raises(DataError, match=r"input\.jsonl, line 2: 'no ☃' cannot appear"):
        data.read(path)


def test_only_rows_with_a_target_can_be_scored(data: PairFiles, write: Write) -> None:
    data.read(write("ka\tka x\nra\tx\n", "pairs.tsv"))
    data.require_targets()
    data.read(write("ka\nra\n", "sources.txt"))
    with pytest.raises(DataError, match=r"sources\.txt, line 1: has no target to score; write source TAB target"):
        data.require_targets()
    data.read_records([{"source": "ka", "target": "x"}, {"source": "ra"}])
    with pytest.raises(DataError, match="the records, record 2: has no target to score"):
        data.require_targets()
