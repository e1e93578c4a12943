"""The choice of a tokenizer, in plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from zoo.data.text.characters import CharTokenizer, Form
from zoo.data.text.subwords import ModelType, Normalization, SentencePieceTokenizer
from zoo.data.text.tokenizer import Tokenizer
from zoo.data.text.words import SpaceTokenizer

__all__ = ["TokenizerKind", "TokenizerOptions", "load_tokenizer"]

TokenizerKind = Literal["char", "space", "sentencepiece"]

_KINDS: dict[str, type[Tokenizer]] = {
    kind.kind: kind for kind in (CharTokenizer, SpaceTokenizer, SentencePieceTokenizer)
}

# Which options beside the first two a kind has.
_OWN = {
    "char": {"min_count", "form"},
    "space": {"min_count"},
    "sentencepiece": {"model_type", "character_coverage", "normalization", "max_lines", "alpha", "dropout", "seed"},
}


@dataclass(frozen=True)
class TokenizerOptions:
    """How the text of one side, or of both, becomes tokens.

    Args:
        kind: char, space or sentencepiece.
        vocab_size: ids, special ones included: to train (sentencepiece; None: 8000), or at most (None: no limit).
        min_count: occurrences that a token needs (char, space).
        form: of characters, see `CharTokenizer` (char).
        model_type: see `SentencePieceTokenizer.fit`, as are the rest (sentencepiece).
        character_coverage: share of the text's characters that the pieces cover.
        normalization: SentencePiece's rule.
        max_lines: of a longer training text as many lines are drawn.
        alpha: of subword regularization (unigram); None: none.
        dropout: of BPE-dropout (bpe).
        seed: of the draw of lines; None: 0.

    Raises:
        ValueError: an option that the kind does not have.
    """

    kind: TokenizerKind = "sentencepiece"
    vocab_size: int | None = None
    min_count: int = 1
    form: Form = "NFC"
    model_type: ModelType = "unigram"
    character_coverage: float = 1.0
    normalization: Normalization = "nmt_nfkc"
    max_lines: int = 500_000
    alpha: float | None = None
    dropout: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(TokenizerKind):
            raise ValueError(f"no tokenizer {self.kind!r}: choose one of {', '.join(get_args(TokenizerKind))}")
        common = {"kind", "vocab_size", "seed"}
        for field in fields(self):
            if field.name not in common | _OWN[self.kind] and getattr(self, field.name) != field.default:
                having = [kind for kind, own in _OWN.items() if field.name in own]
                raise ValueError(f"the tokenizer {self.kind} has no {field.name}: it is for {' and '.join(having)}")

    def fit(self, lines: Iterable[str]) -> Tokenizer:
        """The tokenizer of a training text, of which one pass is made.

        Raises:
            ValueError: an empty text, or one that does not go with the options.
        """
        own = {name: getattr(self, name) for name in _OWN[self.kind]}
        if self.kind == "char":
            return CharTokenizer.fit(lines, max_size=self.vocab_size, **own)
        if self.kind == "space":
            return SpaceTokenizer.fit(lines, max_size=self.vocab_size, **own)
        size = 8000 if self.vocab_size is None else self.vocab_size
        return SentencePieceTokenizer.fit(lines, vocab_size=size, **own | {"seed": self.seed or 0})


def load_tokenizer(state: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer of a `state_dict`."""
    return _KINDS[state["kind"]].from_state(state)
