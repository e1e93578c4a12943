"""Attention of one example as text: a row a target token, a column a source token, a block the higher the weight."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from zoo.report.alignment import checked
from zoo.report.fonts import DOTTED_CIRCLE, LEFT_TO_RIGHT, RIGHT_TO_LEFT, SIGNS, clusters, notation, visible

#: Weights from 1/16 to 1 in equal steps, and what is below.
BLOCKS, BELOW = "▁▂▃▄▅▆▇█", "·"
ASCII_BLOCKS, ASCII_BELOW = "-:=+*%#@", "."
#: Columns that a target token takes at most, and a source token where there is no room for all of it.
LONGEST_ROW, NARROWEST_COLUMN = 24, 4


def draw_alignment(
    weights: Any,
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    *,
    width: int | None = None,
    stream: TextIO | None = None,
) -> str:
    """Attention weights as lines of text, no wider than the terminal.

    Source tokens are cut where they do not fit beside each other; where there are still too many, the drawing goes on
    below with the next of them, and with those target tokens alone that look at any. A stream whose encoding lacks the
    block characters gets ASCII; what it cannot write of a token is given as code points.

    Args:
        weights: (T, S), an array or lists.
        source_tokens: S of them.
        target_tokens: T of them.
        width: columns of the terminal; asked of it by default.
        stream: where the text will be written; standard output by default.

    Returns:
        The text, without a line break at its end.

    Raises:
        ValueError: the weights do not fit the tokens.
    """
    weights = checked(weights, source_tokens, target_tokens)
    width = max(8, width or shutil.get_terminal_size().columns)
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    plain = not _writes(BLOCKS + BELOW + "…", encoding)
    more = "~" if plain else "…"
    rows = [_written(token, encoding) for token in target_tokens]
    columns = [_written(token, encoding) for token in source_tokens]
    margin = min(max((display_width(row) for row in rows), default=0), LONGEST_ROW, width // 3)
    rows = [padded(row, margin, more) for row in rows]
    panels = _panels([display_width(column) for column in columns], width - margin - 1)
    lines: list[str] = []
    for start, widths in panels:
        head = [padded(columns[start + place], wide, more) for place, wide in enumerate(widths)]
        lines += [""] if lines else []
        lines.append(_line([" " * margin, *head], encoding))
        for row, values in zip(rows, weights[:, start : start + len(widths)].tolist(), strict=True):
            cells = [_cell(value, wide, plain) for value, wide in zip(values, widths, strict=True)]
            if len(panels) == 1 or any(cell[0] not in (BELOW, ASCII_BELOW) for cell in cells):
                lines.append(_line([row, *cells], encoding))
    return "\n".join(lines)


def display_width(text: str) -> int:
    """Columns of a terminal that a text takes: two for a wide character (Unicode annex 11), none for a mark."""
    return sum(_character_width(character) for character in text)


def padded(text: str, width: int, more: str = "…") -> str:
    """A text in exactly so many columns: spaces after it, or its end cut off.

    Args:
        text: on one line.
        width: columns.
        more: one column wide, stands for what is cut off.
    """
    taken = display_width(text)
    if taken > width:
        kept, taken = "", 0
        for cluster in clusters(text):
            wide = display_width(cluster)
            if taken + wide + 1 > width:
                break
            kept, taken = kept + cluster, taken + wide
        text, taken = (kept + more, taken + 1) if width else ("", 0)
    return text + " " * (width - taken)


def _panels(widths: Sequence[int], room: int) -> list[tuple[int, list[int]]]:
    """Columns that fit beside each other: the first one's number, and how wide each is drawn.

    Each column has one space before it.
    """
    cap = min(max(widths, default=1), room - 1)
    while cap > NARROWEST_COLUMN and sum(min(one, cap) + 1 for one in widths) > room:
        cap -= 1
    panels: list[tuple[int, list[int]]] = []
    left = 0
    for number, one in enumerate(widths):
        wide = max(1, min(one, cap))
        if wide + 1 > left:
            panels.append((number, []))
            left = room
        panels[-1][1].append(wide)
        left -= wide + 1
    return panels or [(0, [])]


def _line(pieces: Sequence[str], encoding: str) -> str:
    """Pieces beside each other; where one has right-to-left letters, a terminal that orders them keeps all in place."""
    line = " ".join(pieces).rstrip()
    if all(unicodedata.bidirectional(character) not in RIGHT_TO_LEFT for character in line):
        return line
    mark = LEFT_TO_RIGHT if _writes(LEFT_TO_RIGHT, encoding) else ""
    return mark + " ".join(piece + mark for piece in [*pieces[:-1], pieces[-1].rstrip()])


def _cell(weight: float, width: int, plain: bool) -> str:
    """A bar as wide as the column, or a dot in it."""
    if weight != weight:
        return "?" * width
    step = min(int(8 * weight + 0.5), 8)
    if step < 1:
        return (ASCII_BELOW if plain else BELOW) + " " * (width - 1)
    return (ASCII_BLOCKS if plain else BLOCKS)[step - 1] * width


def _written(token: str, encoding: str) -> str:
    """A token as the stream can write it: nothing in it moves the cursor or changes colours."""
    token = visible(token)
    if _writes(token, encoding):
        return token
    kept = {DOTTED_CIRCLE: "", SIGNS[" "]: "_"}
    return "".join(one if _writes(one, encoding) else kept.get(one, notation(one)) for one in token)


def _writes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _character_width(character: str) -> int:
    """Marks, joiners, and the vowels and final consonants of a syllable of Hangul letters, take no column."""
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
