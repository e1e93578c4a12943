"""Text as token ids: tokenizers, a store of tokenised pairs, batches by length."""

from zoo.data.text.batching import padding_share, token_batches
from zoo.data.text.cache import cache_folder, cached, fingerprint
from zoo.data.text.characters import CharTokenizer, characters
from zoo.data.text.fitting import fit_tokenizer
from zoo.data.text.options import TokenizerOptions, load_tokenizer
from zoo.data.text.sequences import Sequences
from zoo.data.text.special import BEGIN, END, PADDING, SPECIAL, UNKNOWN
from zoo.data.text.store import Pair, PairStore, padded, store_pairs
from zoo.data.text.subwords import SentencePieceTokenizer
from zoo.data.text.tokenizer import Tokenizer, draws
from zoo.data.text.vocabulary import Vocabulary
from zoo.data.text.words import SpaceTokenizer

__all__ = [
    "BEGIN",
    "END",
    "PADDING",
    "SPECIAL",
    "UNKNOWN",
    "CharTokenizer",
    "Pair",
    "PairStore",
    "SentencePieceTokenizer",
    "Sequences",
    "SpaceTokenizer",
    "Tokenizer",
    "TokenizerOptions",
    "Vocabulary",
    "cache_folder",
    "cached",
    "characters",
    "draws",
    "fingerprint",
    "fit_tokenizer",
    "load_tokenizer",
    "padded",
    "padding_share",
    "store_pairs",
    "token_batches",
]
