"""A vocabulary: which id stands for which token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.data.text.special import SPECIAL, UNKNOWN

__all__ = ["Vocabulary"]


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids, after the special ones.

    A token of the text that is spelt like a special one, such as `<s>`, is an ordinary token with an id of its own.

    Args:
        tokens: the ordinary tokens; the first has id 4.
    """

    tokens: tuple[str, ...]

    @classmethod
    def count(cls, tokens: Iterable[str], *, min_count: int = 1, max_size: int | None = None) -> Vocabulary:
        """The vocabulary of a stream of tokens: frequent ones first, equal counts in the order of their code points.

        Args:
            tokens: of the training text.
            min_count: occurrences that a token needs.
            max_size: ids at most, the special ones included; the rarest tokens are left out.

        Raises:
            ValueError: no token, or none that is frequent enough.
        """
        counts = Counter(tokens)
        if not counts:
            raise ValueError("the training text has no tokens: all of its lines are empty")
        kept = sorted((token for token, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
        if max_size is not None:
            kept = kept[: max(0, max_size - len(SPECIAL))]
        if not kept:
            wanted = f"min_count={min_count}" + (f", max_size={max_size}" if max_size is not None else "")
            raise ValueError(
                f"{wanted} leaves none of {len(counts)} tokens: the most frequent occurs {max(counts.values())} times"
            )
        return cls(tuple(kept))

    def __len__(self) -> int:
        return len(SPECIAL) + len(self.tokens)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.tokens, len(SPECIAL))}

    def ids(self, tokens: Iterable[str]) -> list[int]:
        """Their ids; tokens out of the vocabulary are unknown."""
        get = self._ids.get
        return [get(token, UNKNOWN) for token in tokens]

    def token(self, index: int) -> str:
        """The token with this id.

        Raises:
            IndexError: an id out of the vocabulary.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"id {index}, but the vocabulary has {len(self)}")
        return SPECIAL[index] if index < len(SPECIAL) else self.tokens[index - len(SPECIAL)]

    def to_state(self) -> dict[str, Any]:
        """Plain data, for a checkpoint."""
        return {"tokens": list(self.tokens)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Vocabulary:
        """The same again."""
        return cls(tuple(state["tokens"]))
