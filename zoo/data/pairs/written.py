"""What texts say that their ids do not tell: the tokens that no vocabulary has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.data.pairs.sides import pieces_of
from zoo.data.text import BEGIN, END, PADDING, UNKNOWN, Sequences, Tokenizer


class Written:
    """Texts with unknown tokens, by their ids."""

    def __init__(self) -> None:
        #: None where two texts have the same ids.
        self._texts: dict[tuple[int, ...], str | None] = {}

    def remember(self, texts: Sequence[str], sequences: Sequences) -> None:
        """Keep those of the texts that have unknown tokens.

        Args:
            texts: cleaned.
            sequences: their ids.
        """
        tokens, lengths = sequences.take(range(len(sequences)))
        rows = np.repeat(np.arange(len(lengths)), lengths)
        for row in np.unique(rows[tokens == UNKNOWN]).tolist():
            key, text = _key(sequences[row].tolist()), texts[row]
            self._texts[key] = text if self._texts.get(key, text) == text else None

    def text(self, ids: Sequence[int]) -> str | None:
        """The text of ids, if it is known and has unknown tokens."""
        return self._texts.get(_key(ids))

    def tokens(self, ids: Sequence[int], tokenizer: Tokenizer) -> list[str]:
        """A readable token for every id, unknown ones as they were written where that is known."""
        text = self.text(ids)
        return tokenizer.tokens(ids) if text is None else pieces_of(tokenizer, text, ids)


def _key(ids: Sequence[int]) -> tuple[int, ...]:
    """Ids without the special ones that say nothing."""
    return tuple(int(index) for index in ids if index not in (PADDING, BEGIN, END))
