"""Multi30k: captions of Flickr images in English, German, French and Czech (Elliott et al. 2016)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from zoo.data.pairs.base import Pairs
from zoo.data.pairs.corpus import Corpus
from zoo.data.pairs.files import Aligned
from zoo.data.pairs.folders import find_folder
from zoo.data.pairs.options import (
    TRANSLATION,
    BatchSize,
    BatchUnit,
    CharacterCoverage,
    Form,
    MaxLength,
    MaxRatio,
    MinCount,
    ModelType,
    Seed,
    SubwordSampling,
    TextOptions,
    TokenizerName,
    VocabSize,
    VocabularyKind,
    Workers,
    chosen_tokenizer,
)
from zoo.data.source import find_source
from zoo.data.table import listed
from zoo.errors import ConfigError, DataError
from zoo.registry import did_you_mean

Language = Literal["en", "de", "fr", "cs"]
_ENDINGS = tuple(f".{language}" for language in get_args(Language))


class Multi30k(Pairs):
    """29,000 captions with translations, 1,014 for validation and 1,000 for the test, in their official splits.

    The files are those of multi30k/dataset, data/task1/raw: train.de.gz, val.de.gz, test_2016_flickr.de.gz ...,
    compressed or not. Every line of a test file is an example, so that BLEU compares with what is published.

    Args:
        path: the folder of the files.
        source: language to translate from.
        target: language to translate into.
        test: name of the test file, such as test_2016_flickr or test_2017_mscoco.
        tokenizer: of both sides: sentencepiece, space or char.
        source_tokenizer: of the sources, where it differs.
        target_tokenizer: of the targets, where it differs.
        form: of characters (char): NFC, or NFD, where Hangul syllables come apart into jamo.
        vocabulary: "separate" or "joint".
        vocab_size: entries of a vocabulary; None: 8,000 for sentencepiece, no limit otherwise.
        model_type: of sentencepiece: unigram or bpe.
        character_coverage: share of the training text's characters that sentencepiece covers.
        subword_sampling: 0: each sentence is always segmented alike; above, it is drawn anew at each visit: alpha of
            unigram sampling, or the share of merges that BPE-dropout leaves out.
        min_count: of characters or words; seen less often they are unknown.
        max_length: training pairs with more tokens on a side are left out.
        max_ratio: training pairs with one side so many times longer than the other are left out.
        batch_unit: what `batch_size` counts: tokens or sentences.
        batch_size: tokens a batch, padding included, of its longer side; or sentences a batch.
            Sampling makes some sentences longer than they are counted.
        cache: folder for tokenised training data; None: the user's cache folder.
        num_workers: processes that load batches.
        seed: of subword sampling.
    """

    changeable = ("path", "test", "batch_size", "batch_unit", "cache", "num_workers")
    metrics = TRANSLATION
    group = False
    whole = "test"

    def __init__(
        self,
        path: str,
        source: Language = "de",
        target: Language = "en",
        test: str = "test_2016_flickr",
        tokenizer: TokenizerName | None = None,
        source_tokenizer: TokenizerName | None = None,
        target_tokenizer: TokenizerName | None = None,
        form: Form = "NFC",
        vocabulary: VocabularyKind = "separate",
        vocab_size: VocabSize | None = None,
        model_type: ModelType = "unigram",
        character_coverage: CharacterCoverage = 1.0,
        subword_sampling: SubwordSampling = 0.0,
        min_count: MinCount = 1,
        max_length: MaxLength | None = None,
        max_ratio: MaxRatio | None = None,
        batch_unit: BatchUnit = "tokens",
        batch_size: BatchSize = 2048,
        cache: str | None = None,
        num_workers: Workers = 0,
        seed: Seed | None = None,
    ) -> None:
        text = TextOptions(
            chosen_tokenizer(source_tokenizer, tokenizer, "sentencepiece"),
            chosen_tokenizer(target_tokenizer, tokenizer, "sentencepiece"),
            form,
            vocabulary,
            vocab_size,
            model_type,
            character_coverage,
            subword_sampling,
            min_count,
            max_length,
            max_ratio,
            batch_unit,
            batch_size,
            cache,
        )
        super().__init__(text, val=0, test=0, seed=seed, num_workers=num_workers)
        if source == target:
            raise ConfigError("data.target", f"{target} is the source too", "choose another language")
        self.path, self.languages, self.files = path, (source, target), {"train": "train", "val": "val", "test": test}

    def open_corpus(self, split: str) -> Corpus:
        """The two files of a split.

        Raises:
            DataError: one is missing.
        """
        source, target = (self._find(self.files[split], language) for language in self.languages)
        return Aligned(source=find_source(source), target=find_source(target))

    def _find(self, name: str, language: str) -> Path:
        """The file of a split in one language."""
        folder = find_folder(self.path, "set data.path to the folder of Multi30k")
        files = [path for parent in (folder, folder / "data" / "task1" / "raw") for path in sorted(parent.glob("*.*"))]
        found = {path.name.removesuffix(".gz"): path for path in reversed(files) if path.is_file()}
        wanted = f"{name}.{language}"
        if wanted in found:
            return found[wanted]
        has = sorted(path.name for known, path in found.items() if known.endswith(_ENDINGS))
        remedy = f"it has {listed(has, at_most=12)}" if has else "get the files of multi30k/dataset, data/task1/raw"
        hint = did_you_mean(wanted, found)
        raise DataError(self.path, problem=f"has no {wanted}.gz{hint}", remedy=remedy)
