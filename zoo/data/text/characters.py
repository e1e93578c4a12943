"""Characters as tokens: what a reader takes for one, not code points."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from zoo.data.text.tokenizer import Tokenizer
from zoo.data.text.vocabulary import Vocabulary

__all__ = ["CharTokenizer", "Form", "characters"]

Form = Literal["NFC", "NFD"]

_SPACE, _SHOWN_SPACE = " ", "␣"
_JOINER = "\u200d"


def characters(text: str) -> list[str]:
    """Characters with the marks that stand on them.

    A combining mark, a variation selector, a skin tone or a zero-width joiner belongs to the character before it,
    what follows a joiner to the joiner, and regional indicators come in pairs: the rules of Unicode's UAX 29 for
    extended grapheme clusters that matter in practice. Hangul jamo stay apart, which is what NFD is chosen for.

    >>> characters("ɔ̃a")
    ['ɔ̃', 'a']
    """
    if text.isascii():
        return list(text)
    found: list[str] = []
    for character in text:
        if found and (_extends(character) or found[-1].endswith(_JOINER) or _completes_flag(found[-1], character)):
            found[-1] += character
        else:
            found.append(character)
    return found


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me")
        or character in (_JOINER, "\u200c")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _completes_flag(before: str, character: str) -> bool:
    first, last = "\U0001f1e6", "\U0001f1ff"
    return len(before) == 1 and first <= before <= last and first <= character <= last


class CharTokenizer(Tokenizer):
    """Every character is a token, white space too. Decoded text is in NFC, whatever the form of the tokens.

    Args:
        vocabulary: of the training text.
        form: NFC, or NFD, where Hangul syllables come apart into jamo; marks stay with their letter in both.
    """

    kind = "char"

    def __init__(self, vocabulary: Vocabulary, form: Form = "NFC") -> None:
        if form not in get_args(Form):
            raise ValueError(f"form {form!r}: choose one of {', '.join(get_args(Form))}")
        self.vocabulary, self.form = vocabulary, form
        self.notes = []

    @classmethod
    def fit(
        cls, lines: Iterable[str], *, min_count: int = 1, max_size: int | None = None, form: Form = "NFC"
    ) -> CharTokenizer:
        """The tokenizer of a training text; see `Vocabulary.count`."""
        found = (token for line in lines for token in characters(unicodedata.normalize(form, line)))
        return cls(Vocabulary.count(found, min_count=min_count, max_size=max_size), form)

    @property
    def size(self) -> int:
        return len(self.vocabulary)

    def encode(self, text: str) -> list[int]:
        return self.vocabulary.ids(characters(unicodedata.normalize(self.form, text)))

    def tokens(self, ids: Iterable[int]) -> list[str]:
        return [token.replace(_SPACE, _SHOWN_SPACE) for token in map(self.vocabulary.token, ids)]

    def join(self, ids: Sequence[int], replacements: Mapping[int, str]) -> str:
        given = {place: token.replace(_SHOWN_SPACE, _SPACE) for place, token in replacements.items()}
        text = "".join(given.get(place, self.vocabulary.token(index)) for place, index in enumerate(ids))
        return unicodedata.normalize("NFC", text)

    def state_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "form": self.form, **self.vocabulary.to_state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CharTokenizer:
        return cls(Vocabulary.from_state(state), state["form"])
