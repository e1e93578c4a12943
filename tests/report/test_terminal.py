"""An alignment as text fits the terminal, whatever its script and width and whatever the stream can write."""

from __future__ import annotations

import io

import numpy as np
import pytest

from zoo.report.terminal import display_width, draw_alignment, padded

BLOCKS = "·▁▂▃▄▅▆▇█"
ASCII = ".-:=+*%#@"


class Stream(io.StringIO):
    """A stream of some encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As of a terminal."""
        return self._encoding


def drawn(weights: object, source: list[str], target: list[str], width: int = 80, encoding: str = "utf-8") -> list[str]:
    return draw_alignment(weights, source, target, width=width, stream=Stream(encoding)).split("\n")


def weights_of(rows: int, columns: int) -> np.ndarray:
    weights: np.ndarray = np.random.default_rng(7).random((rows, columns)) ** 3
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def test_the_height_of_a_block_is_the_weight_in_eighths() -> None:
    eighths = [list(range(start, start + 3)) for start in (0, 3, 6)]
    assert drawn(np.array(eighths) / 8, list("abc"), ["xy", "z", "w"]) == [
        "   a b c",
        "xy · ▁ ▂",
        "z  ▃ ▄ ▅",
        "w  ▆ ▇ █",
    ]


@pytest.mark.parametrize(("encoding", "blocks"), [("utf-8", BLOCKS), ("ascii", ASCII), ("cp1252", ASCII)])
def test_every_weight_is_drawn_as_the_nearest_block(encoding: str, blocks: str) -> None:
    for weight in np.linspace(0, 1, 97):
        nearest = min(range(9), key=lambda step: (abs(step / 8 - weight), -step))
        assert drawn([[weight]], ["a"], ["b"], encoding=encoding)[1] == f"b {blocks[nearest]}"


def test_weights_above_one_are_full_below_zero_are_empty_and_others_a_question() -> None:
    assert drawn([[1.7, -0.5, float("nan")]], list("abc"), ["t"])[1] == "t █ · ?"


def test_bars_are_as_wide_as_their_source_token() -> None:
    assert drawn([[1, 0, 0.5]], ["one", "안녕", "s͈"], ["t"]) == ["  one 안녕 s͈", "t ███ ·    ▄"]


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("한글", 4),
        ("カナ", 4),
        ("ｶﾅ", 2),
        ("漢字", 4),
        ("Ａ", 2),
        ("e\u0301", 1),
        ("t͡ʃ", 2),
        ("مرحبا", 5),
        ("بِسْمِ", 3),
        ("می\u200cخ", 3),
        ("\u1112\u1161\u11ab", 2),
        ("👍", 2),
        ("", 0),
    ],
)
def test_columns_of_a_terminal_are_counted(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("한글말", 5, "한글…"),
        ("한글말", 4, "한… "),
        ("한글", 1, "…"),
        ("ɑ̃ɑ̃ɑ̃", 2, "ɑ̃…"),
        ("abc", 0, ""),
    ],
)
def test_texts_are_padded_or_cut_to_a_number_of_columns_and_marks_stay(text: str, width: int, shown: str) -> None:
    assert padded(text, width) == shown
    assert display_width(padded(text, width)) == width


EXAMPLES = {
    "letters": (list("thoroughbred"), ["TH", "ER", "OW"]),
    "words": (["ein", "kleines", "mädchen", "klettert", "in", "ein", "spielhaus"], ["a", "little", "girl"]),
    "Korean": (list("안녕하세요"), ["a", "n", "s͈"]),
    "Arabic": (["مرحبا", "بكم", "في"], ["عالم", "b"]),
    "long": (["Donaudampfschifffahrt" * 4] * 3, ["y" * 300]),
    "many": ([f"word{i}" for i in range(70)], [f"t{i}" for i in range(9)]),
    "nothing": ([], ["a"]),
}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [8, 12, 20, 40, 80, 200])
@pytest.mark.parametrize("name", EXAMPLES)
def test_no_line_is_wider_than_the_terminal(name: str, width: int, encoding: str) -> None:
    source, target = EXAMPLES[name]
    lines = drawn(weights_of(len(target), len(source)) if source else [[]], source, target, width, encoding)
    assert max(display_width(line) for line in lines) <= width
    "\n".join(lines).encode(encoding)


def test_a_drawing_that_does_not_fit_goes_on_below_and_shows_every_weight() -> None:
    weights = np.eye(12) * 0.9 + 0.1 / 12
    letters = [chr(ord("a") + i) for i in range(12)]
    panels = "\n".join(drawn(weights, letters, letters, width=14)).split("\n\n")
    assert len(panels) > 1
    assert "".join(panel.split("\n")[0].replace(" ", "") for panel in panels) == "".join(letters)
    for panel in panels:
        head, *rows = panel.split("\n")
        shown = {row[0]: head[row.index("▇")] for row in rows}
        assert shown == {letter: letter for letter in head if letter != " "}


def test_tokens_are_cut_before_the_drawing_is_broken() -> None:
    lines = drawn([[0, 1]], ["incomprehensible", "unintelligible"], ["t"], width=20)
    assert lines == ["  incompr… unintel…", "t ·        ████████"]


def test_nothing_in_a_token_moves_the_cursor_or_changes_colours() -> None:
    text = draw_alignment(
        [[1.0, 0.0]], ["\x1b[31m\x1b[2J", "\r\n\x07\x9b"], ["\x08\u202e"], width=80, stream=Stream("utf-8")
    )
    assert all(one == "\n" or one.isprintable() for one in text)
    assert text.count("\n") == 1
    assert "U+001B[31m" in text


def test_without_an_encoding_for_them_characters_are_given_as_code_points() -> None:
    assert drawn([[1, 0, 0]], ["é", " ", "\u0303"], ["b"], encoding="ascii")[0] == "  U+00E9 _ U+0303"
    assert drawn([[1, 0]], ["é", "가"], ["b"], encoding="cp1252") == ["  é U+AC00", "b @ ."]


def test_columns_of_right_to_left_tokens_stay_in_their_order_in_terminals_that_reorder() -> None:
    head, row, latin = drawn([[1, 0], [0, 1]], ["اب", "تث"], ["جح", "x"])
    assert head.startswith("\u200e")
    assert row.startswith("\u200e")
    assert row.endswith("·\u200e")
    between = head[head.index("ب") + 1 : head.index("ت")]
    assert "\u200e" in between
    assert "\u200e" not in latin
    assert [display_width(line) for line in (head, row)] == [8, 7]


def test_the_width_is_asked_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    lines = draw_alignment(weights_of(2, 40), ["word"] * 40, ["a", "b"], stream=Stream("utf-8")).split("\n")
    assert 20 < max(display_width(line) for line in lines) <= 30


def test_a_stream_that_says_nothing_of_its_encoding_gets_blocks() -> None:
    assert draw_alignment([[1.0]], ["a"], ["b"], width=80, stream=io.StringIO()) == "  a\nb █"


def test_weights_that_do_not_fit_the_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="1 target and 2 source tokens"):
        drawn([[1.0, 0.0, 0.0]], ["a", "b"], ["c"])
