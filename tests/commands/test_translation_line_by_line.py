"""`zoo translate`: a line in, its translation and alignment out."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

Command = Callable[..., Any]


class Terminal(io.StringIO):
    """Someone who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def translate(command: Command, monkeypatch: pytest.MonkeyPatch, reversing: Any) -> Callable[..., Any]:
    """Feed bytes to standard input, or a text to a terminal."""

    def call(typed: bytes | str, *options: str, run: Any = None) -> Any:
        stream = Terminal(typed) if isinstance(typed, str) else io.TextIOWrapper(io.BytesIO(typed), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stream)
        return command("translate", f"run={run or reversing.one}", *options)

    return call


def test_every_line_is_followed_by_its_translation_and_alignment(translate: Callable[..., Any]) -> None:
    outcome = translate(b"a b c\n\n  \nd\n")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    texts = [line.split("\t") for line in lines if "\t" in line]
    assert len(texts) == 2, "empty lines are passed over"
    for text, log_probability in texts:
        start = lines.index(f"{text}\t{log_probability}")
        assert float(log_probability) < 0
        assert lines[start + 1].split() in (["a", "b", "c", "</s>"], ["d", "</s>"])
        drawn = lines[start + 2 : start + 3 + len(text.split())]
        assert [line.split()[0] for line in drawn] == [*text.split(), "</s>"]


def test_the_strongest_block_stands_where_the_weight_is(
    translate: Callable[..., Any], command: Command, reversing: Any
) -> None:
    """Against the weights that predict writes."""
    from zoo.harness.run import load

    [record] = load(reversing.one).predict(["a b c d"])
    lines = translate(b"a b c d\n").out.splitlines()
    for line, weights in zip(lines[2:], record["hypotheses"][0]["alignment"], strict=True):
        cells = line.split()[1:]
        heights = ["·▁▂▃▄▅▆▇█".index(cell[0]) for cell in cells]
        assert heights[max(range(len(weights)), key=weights.__getitem__)] == max(heights)
        assert heights == [round(8 * weight + 1e-9) for weight in weights]


def test_options_of_the_search_and_the_alignment_are_heeded(translate: Callable[..., Any]) -> None:
    lines = translate(b"a b c\n", "decode.n_best=3", "alignment=false").out.splitlines()
    assert len(lines) == 3
    assert len({line.split("\t")[0] for line in lines}) == 3


def test_at_a_terminal_there_is_a_prompt(translate: Callable[..., Any]) -> None:
    outcome = translate("a b\nc\n", "alignment=false")
    assert outcome.status == 0
    assert outcome.out.count("> ") == 3, "once a line, and once for the end"


def test_a_line_that_is_not_utf_8_is_reported_and_the_next_one_translated(translate: Callable[..., Any]) -> None:
    outcome = translate(b"a b\n\xff a\nc\n", "alignment=false")
    assert outcome.status == 0
    assert outcome.err.splitlines() == ["error: standard input, line 2: is not UTF-8 text (byte 0xff)"]
    assert len(outcome.out.splitlines()) == 2


def test_an_ensemble_translates(translate: Callable[..., Any], reversing: Any) -> None:
    outcome = translate(b"a b\n", run=f"[{reversing.one},{reversing.other}]")
    assert outcome.status == 0
    assert outcome.out.splitlines()[1].split() == ["a", "b", "</s>"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["beam=3"], "beam: no such option"),
        (["alignment=maybe"], "alignment: expected true or false, got 'maybe'"),
        (["decode.beam=x"], "decode.beam: "),
    ],
)
def test_options_that_do_not_exist_are_named(words: list[str], message: str, translate: Callable[..., Any]) -> None:
    outcome = translate(b"a\n", *words)
    assert outcome.status == 2
    assert message in outcome.err
    assert len(outcome.err.splitlines()) == 1
