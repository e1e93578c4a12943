"""Lines with their numbers, and cleaned texts."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from zoo.data.pairs.lines import cleaned, counted, numbered_lines
from zoo.data.source import find_source
from zoo.errors import DataError

Write = Callable[..., str]


def lines_of(path: str) -> list[tuple[int, str]]:
    return list(numbered_lines(find_source(path)))


def test_only_line_feeds_end_lines(write: Write) -> None:
    text = "a\u2028b\x0cc\x85d\x1ee\rf\r\n\ng"
    assert lines_of(write(text, "text")) == [(1, "a\u2028b\x0cc\x85d\x1ee\rf"), (2, ""), (3, "g")]


def test_a_byte_order_mark_is_no_text_but_only_at_the_start(write: Write) -> None:
    assert lines_of(write("\ufeffa\n\ufeffb\n", "text")) == [(1, "a"), (2, "\ufeffb")]


@pytest.mark.parametrize("name", ["text", "text.gz"])
def test_what_is_not_utf8_is_named_with_its_line(name: str, write: Write) -> None:
    content = "gut\nschön\n".encode() + "schön\n".encode("latin-1")
    path = write(gzip.compress(content) if name.endswith(".gz") else content, name)
    with pytest.raises(DataError, match=r"text(\.gz)?, line 3: is not UTF-8 text \(byte 0xf6\); save"):
        lines_of(path)


def test_a_damaged_compressed_file_is_named(write: Write) -> None:
    whole = gzip.compress(b"".join(b"%d some text\n" % number for number in range(9000)))
    for damaged in (whole[: len(whole) // 2], whole[:3000] + bytes(500) + whole[3500:], whole[:-8] + bytes(8)):
        with pytest.raises(DataError, match=r"cut\.gz: cannot be read: "):
            lines_of(write(damaged, "cut.gz"))


def test_texts_that_look_alike_are_the_same_when_cleaned() -> None:
    assert cleaned(" a\u00a0 b\t\tc\u3000") == "a b c"
    assert cleaned("u\u0308ber") == cleaned("\u00fcber") == "\u00fcber"
    assert cleaned("\u2028 ") == ""


def test_numbers_have_their_nouns() -> None:
    assert [counted(n, "pair") for n in (0, 1, 2000)] == ["0 pairs", "1 pair", "2,000 pairs"]
    assert counted(2, "batch", "batches") == "2 batches"
