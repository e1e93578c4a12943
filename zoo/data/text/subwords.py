"""Subwords: a SentencePiece model, trained on the training text."""

from __future__ import annotations

import hashlib
import io
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from zoo.data.text.reservoir import reservoir
from zoo.data.text.segmentation import BPEDropout, Segmentation, UnigramSampling
from zoo.data.text.special import BEGIN, END, PADDING, SPECIAL, UNKNOWN
from zoo.data.text.tokenizer import Tokenizer, flat

__all__ = ["ModelType", "Normalization", "SentencePieceTokenizer"]

ModelType = Literal["unigram", "bpe"]
Normalization = Literal["nmt_nfkc", "nmt_nfkc_cf", "nfkc", "nfkc_cf", "identity"]

_SPACE, _SHOWN_UNKNOWN = "▁", " ⁇ "

# The trainer leaves out longer lines, and counts bytes.
_LONGEST_LINE = 1 << 16

_TOO_SMALL = re.compile(r"smaller than required_chars\. (\d+) vs (\d+)")


class SentencePieceTokenizer(Tokenizer):
    """Pieces of words, Kudo & Richardson (2018).

    Args:
        model: a serialized SentencePiece model whose special ids are those of this package.
        model_type: what kind of model it is.
        alpha: smoothing of subword regularization, see `UnigramSampling`; None: no sampling. Unigram models only.
        dropout: see `BPEDropout`. BPE models only.

    Raises:
        ValueError: the option of the other kind of model; other special ids.
    """

    kind = "sentencepiece"

    def __init__(self, model: bytes, model_type: ModelType, alpha: float | None = None, dropout: float = 0.0) -> None:
        import sentencepiece

        _check_sampling(model_type, alpha, dropout)
        self.model, self.model_type, self.alpha, self.dropout = bytes(model), model_type, alpha, dropout
        self.notes = []
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=self.model)
        self._check()

    def _check(self) -> None:
        held = tuple(self._processor.id_to_piece(index) for index in range(min(self.size, len(SPECIAL))))
        if held != SPECIAL:
            raise ValueError(f"the model begins with {held}: train it with pad_id=0, unk_id=1, bos_id=2, eos_id=3")

    @classmethod
    def fit(
        cls,
        lines: Iterable[str],
        *,
        model_type: ModelType = "unigram",
        vocab_size: int = 8000,
        character_coverage: float = 1.0,
        normalization: Normalization = "nmt_nfkc",
        max_lines: int = 500_000,
        alpha: float | None = None,
        dropout: float = 0.0,
        seed: int = 0,
    ) -> SentencePieceTokenizer:
        """A model trained on a text; the same lines give the same model, byte for byte.

        Args:
            lines: the training text.
            model_type: unigram language model (Kudo, 2018) or byte-pair encoding (Sennrich et al., 2016).
            vocab_size: ids, special ones included; lowered, with a note, where the text has not so many pieces.
            character_coverage: share of the text's characters that the pieces cover.
            normalization: SentencePiece's rule; `identity` leaves the text as it is.
            max_lines: of a longer text as many lines are drawn.
            alpha: see the class.
            dropout: see the class.
            seed: of that draw.

        Raises:
            ValueError: an empty text; more characters than ids.
        """
        _check_sampling(model_type, alpha, dropout)
        chosen = (line for line in lines if line.strip())
        model = _train(reservoir(chosen, max_lines, seed), model_type, vocab_size, character_coverage, normalization)
        tokenizer = cls(model, model_type, alpha, dropout)
        if tokenizer.size < vocab_size:
            tokenizer.notes.append(
                f"the training text has {tokenizer.size} different pieces, so the vocabulary has {tokenizer.size}"
                f" instead of {vocab_size}"
            )
        return tokenizer

    @property
    def size(self) -> int:
        return int(self._processor.get_piece_size())

    def encode(self, text: str) -> list[int]:
        return list(self._processor.encode(text, out_type=int))

    def encode_lines(self, lines: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        # One thread: the library's own threads do not survive a fork, and loader workers are forked.
        return flat(self._processor.encode(list(lines), out_type=int, num_threads=1))

    def tokens(self, ids: Iterable[int]) -> list[str]:
        return [self._processor.id_to_piece(int(index)) for index in ids]

    def join(self, ids: Sequence[int], replacements: Mapping[int, str]) -> str:
        if not replacements:
            return str(self._processor.decode([int(index) for index in ids]))
        # Not by the library, which leaves the space mark in pieces that it does not know.
        text = ""
        for place, (index, piece) in enumerate(zip(ids, self.tokens(ids), strict=True)):
            if place in replacements:
                given = replacements[place]
                text += given.removeprefix(_SPACE) if text.endswith(_SPACE) else given
            else:
                text += _SHOWN_UNKNOWN if index == UNKNOWN else piece
        return text.removeprefix(_SPACE).replace(_SPACE, " ")

    @property
    def samples(self) -> bool:
        return self.alpha is not None or self.dropout > 0

    def sample(self, text: str, rng: random.Random) -> list[int]:
        if not self.samples:
            return self.encode(text)
        normal = self._processor.normalize(text)
        ids = [index for word in normal.split(_SPACE)[1:] for index in self._segmentation.draw(_SPACE + word, rng)]
        return list(_unknown_once(ids))

    @cached_property
    def _segmentation(self) -> Segmentation:
        pieces = {self._processor.id_to_piece(index): index for index in range(len(SPECIAL), self.size)}
        scores = {piece: float(self._processor.get_score(index)) for piece, index in pieces.items()}
        if self.alpha is not None:
            return UnigramSampling(scores, pieces, self.alpha)
        return BPEDropout({piece: -score for piece, score in scores.items()}, pieces, self.dropout)

    def state_dict(self) -> dict[str, Any]:
        own = {"model": self.model, "model_type": self.model_type, "alpha": self.alpha, "dropout": self.dropout}
        return {"kind": self.kind, **own}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SentencePieceTokenizer:
        return cls(state["model"], state["model_type"], state["alpha"], state["dropout"])

    def encoding_state(self) -> Any:
        return hashlib.sha256(self.model).hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model, self.model_type, self.alpha, self.dropout)


def _unknown_once(ids: Iterable[int]) -> Iterator[int]:
    """Unknown characters next to one another are one unknown token, as the library has it."""
    for index, run in groupby(ids):
        yield from (UNKNOWN,) if index == UNKNOWN else run


def _check_sampling(model_type: ModelType, alpha: float | None, dropout: float) -> None:
    if model_type not in get_args(ModelType):
        raise ValueError(f"model_type {model_type!r}: choose one of {', '.join(get_args(ModelType))}")
    if alpha is not None and model_type != "unigram":
        raise ValueError("alpha samples from a unigram model: choose model_type unigram, or dropout instead of alpha")
    if dropout and model_type != "bpe":
        raise ValueError("dropout leaves out merges of a bpe model: choose model_type bpe, or alpha instead of dropout")
    if alpha is not None and not alpha >= 0:
        raise ValueError(f"alpha={alpha}: 0 or more")
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout={dropout}: between 0 and 1")


def _train(
    lines: list[str], model_type: ModelType, vocab_size: int, character_coverage: float, normalization: Normalization
) -> bytes:
    import sentencepiece

    if not lines:
        raise ValueError("the training text has no tokens: all of its lines are empty")
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type=model_type,
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            character_coverage=character_coverage,
            normalization_rule_name=normalization,
            max_sentence_length=_LONGEST_LINE,
            pad_id=PADDING,
            unk_id=UNKNOWN,
            bos_id=BEGIN,
            eos_id=END,
            pad_piece=SPECIAL[PADDING],
            unk_piece=SPECIAL[UNKNOWN],
            bos_piece=SPECIAL[BEGIN],
            eos_piece=SPECIAL[END],
            num_threads=1,  # sums in another order give other models
            minloglevel=2,
        )
    except RuntimeError as error:
        small = _TOO_SMALL.search(str(error))
        if small is None:
            raise ValueError(f"SentencePiece cannot train on this text: {error}") from error
        least = int(small[2])
        raise ValueError(
            f"vocab_size={vocab_size} is below the {least} that the characters of the training text need:"
            f" at least {least}, or a lower character_coverage"
        ) from error
    return model.getvalue()
