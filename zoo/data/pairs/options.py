"""The options that all pairs share, as types for the signature of a component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from zoo.data.text import TokenizerOptions
from zoo.errors import ConfigError

#: What the usual metrics of a problem are.
PRONUNCIATION = ("perplexity", "token_accuracy", "wer", "per")
TRANSLATION = ("perplexity", "token_accuracy", "bleu", "chrf")
SYNTHETIC = ("perplexity", "token_accuracy", "exact_match")

#: What a token is: a character, a word between spaces, or a piece that SentencePiece finds.
TokenizerName = Literal["char", "space", "sentencepiece"]
#: Characters composed, or Hangul syllables taken apart into jamo.
Form = Literal["NFC", "NFD"]
#: Whether source and target have a vocabulary each or share one.
VocabularyKind = Literal["separate", "joint"]
#: How SentencePiece finds its pieces: Kudo (2018) or Sennrich et al. (2016).
ModelType = Literal["unigram", "bpe"]
#: Most entries of a vocabulary, special tokens included; SentencePiece aims for exactly so many.
VocabSize = Annotated[int, Ge(5)]
#: Share of the training text's characters that SentencePiece covers.
CharacterCoverage = Annotated[float, Gt(0), Le(1)]
#: Characters and words seen less often in training count as unknown.
MinCount = Annotated[int, Ge(1)]
#: Training pairs with more tokens on a side are left out.
MaxLength = Annotated[int, Ge(1)]
#: Training pairs with one side so many times longer than the other are left out.
MaxRatio = Annotated[float, Gt(1)]
#: Alpha of unigram sampling (Kudo 2018), or the share of merges that BPE-dropout leaves out (Provilkov et al. 2020).
SubwordSampling = Annotated[float, Ge(0), Le(1)]
#: A fraction of the sources below 1, or their number from 1 on.
Share = Annotated[float, Ge(0)]
#: What `batch_size` counts.
BatchUnit = Literal["tokens", "sentences"]
BatchSize = Annotated[int, Ge(1)]
Workers = Annotated[int, Ge(0)]
#: Of splits and draws.
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]

#: Options that some tokenizers have, and their defaults.
_FOR: dict[str, tuple[tuple[TokenizerName, ...], object]] = {
    "form": (("char",), "NFC"),
    "min_count": (("char", "space"), 1),
    "model_type": (("sentencepiece",), "unigram"),
    "character_coverage": (("sentencepiece",), 1.0),
    "subword_sampling": (("sentencepiece",), 0.0),
}


@dataclass(frozen=True)
class TextOptions:
    """How texts become tokens, and tokens batches.

    Args:
        source_tokenizer: of the sources.
        target_tokenizer: of the targets.
        form: of characters (char).
        vocabulary: whether both sides share one.
        vocab_size: of each; None: 8,000 for SentencePiece, no limit otherwise.
        model_type: of SentencePiece.
        character_coverage: of SentencePiece.
        subword_sampling: of SentencePiece in training; 0: always its best segmentation.
        min_count: of characters and words.
        max_length: of training pairs, in tokens of the longer side; None: no limit.
        max_ratio: of their lengths; None: no limit.
        batch_unit: what `batch_size` counts.
        batch_size: sentences a batch; or tokens a batch, padding included, on the side that has more of them.
        cache: folder for tokenised training data; None: the user's cache folder.

    Raises:
        ConfigError: an option that neither tokenizer has; two tokenizers for one vocabulary.
    """

    source_tokenizer: TokenizerName
    target_tokenizer: TokenizerName
    form: Form = "NFC"
    vocabulary: VocabularyKind = "separate"
    vocab_size: int | None = None
    model_type: ModelType = "unigram"
    character_coverage: float = 1.0
    subword_sampling: float = 0.0
    min_count: int = 1
    max_length: int | None = None
    max_ratio: float | None = None
    batch_unit: BatchUnit = "sentences"
    batch_size: int = 64
    cache: str | None = None

    def __post_init__(self) -> None:
        chosen = {self.source_tokenizer, self.target_tokenizer}
        if self.joint and len(chosen) > 1:
            raise ConfigError(
                "data.vocabulary",
                f"joint needs one tokenizer, and there are {self.source_tokenizer} and {self.target_tokenizer}",
                "set data.tokenizer for both sides, or data.vocabulary=separate",
            )
        for name, (having, default) in _FOR.items():
            if getattr(self, name) != default and not chosen & set(having):
                raise ConfigError(
                    f"data.{name}", f"is for {' and '.join(having)}", "leave it out, or choose another data.tokenizer"
                )

    @property
    def joint(self) -> bool:
        """Whether both sides share a vocabulary."""
        return self.vocabulary == "joint"

    def of(self, side: Literal["source", "target"]) -> TokenizerOptions:
        """The options of one side's tokenizer."""
        kind = self.source_tokenizer if side == "source" else self.target_tokenizer
        if kind == "char":
            return TokenizerOptions(kind, self.vocab_size, self.min_count, self.form)
        if kind == "space":
            return TokenizerOptions(kind, self.vocab_size, self.min_count)
        drawn = self.subword_sampling or None
        return TokenizerOptions(
            kind,
            self.vocab_size,
            model_type=self.model_type,
            character_coverage=self.character_coverage,
            normalization="identity",  # texts are cleaned when they are read, so that decoding gives them back
            alpha=drawn if self.model_type == "unigram" else None,
            dropout=self.subword_sampling if self.model_type == "bpe" else 0.0,
        )


def chosen_tokenizer(side: TokenizerName | None, both: TokenizerName | None, usual: TokenizerName) -> TokenizerName:
    """The tokenizer of one side: what is said of it, or of both sides, or what is usual for the data."""
    return side or both or usual
