"""Tokens between white space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zoo.data.text.tokenizer import Tokenizer
from zoo.data.text.vocabulary import Vocabulary

__all__ = ["SpaceTokenizer"]


class SpaceTokenizer(Tokenizer):
    """Tokens separated by white space, such as words or the phones of a pronunciation; joined by one space.

    Args:
        vocabulary: of the training text.
    """

    kind = "space"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.notes = []

    @classmethod
    def fit(cls, lines: Iterable[str], *, min_count: int = 1, max_size: int | None = None) -> SpaceTokenizer:
        """The tokenizer of a training text; see `Vocabulary.count`."""
        words = (word for line in lines for word in line.split())
        return cls(Vocabulary.count(words, min_count=min_count, max_size=max_size))

    @property
    def size(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        return self.vocabulary.ids(text.split())

    def tokens(self, ids: Iterable[int]) -> list[str]:
        return [self.vocabulary.token(index) for index in ids]

    def join(self, ids: Sequence[int], replacements: Mapping[int, str]) -> str:
        return " ".join(replacements.get(place, token) for place, token in enumerate(self.tokens(ids)))

    def state_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.vocabulary.to_state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SpaceTokenizer:
        return cls(Vocabulary.from_state(state))
