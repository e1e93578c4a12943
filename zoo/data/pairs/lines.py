"""Lines of text with their numbers, from files of any size."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterator

from zoo.data.source import Source, unreadable
from zoo.errors import DataError


def numbered_lines(source: Source) -> Iterator[tuple[int, str]]:
    """Every line with its number, counted from 1, without what ends it.

    Only a line feed ends a line (a carriage return before it is dropped): form feeds, U+0085 or U+2028, where
    `str.splitlines` would cut, occur inside sentences and must not shift one side of a corpus against the other.

    Args:
        source: UTF-8 text, with or without a byte order mark.

    Raises:
        DataError: bytes that are not UTF-8, with their line, or bytes that cannot be read.
    """
    number = 0
    try:
        with source.open() as stream:
            for number, line in enumerate(stream, start=1):
                text = line.decode()
                if number == 1:
                    text = text.removeprefix("\ufeff")
                yield number, text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        bad = error.object[error.start]
        raise DataError(
            source.label,
            line=number,
            problem=f"is not UTF-8 text (byte 0x{bad:02x})",
            remedy="save the file as UTF-8 (iconv -t UTF-8)",
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(source.label, error) from None


def counted(number: int, noun: str, several: str = "") -> str:
    """A number with its noun: `1 pair`, `2,000 pairs`."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def cleaned(text: str) -> str:
    """The text with each run of white space as one space, none at the ends, and its letters composed (NFC).

    What is written with one code point or with two is then the same word, for the vocabulary, for finding
    duplicates, and for comparing an output with its references.
    """
    text = " ".join(text.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)
