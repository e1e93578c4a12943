"""The four tokens that every vocabulary begins with, in this order."""

from __future__ import annotations

__all__ = ["BEGIN", "END", "PADDING", "SPECIAL", "UNKNOWN"]

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
PADDING, UNKNOWN, BEGIN, END = range(4)
