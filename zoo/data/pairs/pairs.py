"""Pairs of texts from a user's own files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zoo.data.pairs.base import Pairs
from zoo.data.pairs.corpus import Corpus
from zoo.data.pairs.files import Aligned, Columns, Format, Tabbed, format_of
from zoo.data.pairs.json_lines import JSONLines
from zoo.data.pairs.options import (
    BatchSize,
    BatchUnit,
    CharacterCoverage,
    Form,
    MaxLength,
    MaxRatio,
    MinCount,
    ModelType,
    Seed,
    Share,
    SubwordSampling,
    TextOptions,
    TokenizerName,
    VocabSize,
    VocabularyKind,
    Workers,
    chosen_tokenizer,
)
from zoo.data.source import find_source
from zoo.errors import ConfigError


@dataclass(frozen=True)
class _Paths:
    """Where a split is: one file, or one a side.

    Args:
        prefix: of the options.
        one: file of pairs.
        sources: file of the sources.
        targets: file of the targets.

    Raises:
        ConfigError: both, half of the second, or an empty name.
    """

    prefix: str
    one: str | None
    sources: str | None
    targets: str | None

    def __post_init__(self) -> None:
        single = f"data.{self.prefix}path"
        first, second = f"data.{self.prefix}source_path", f"data.{self.prefix}target_path"
        for key, path in ((single, self.one), (first, self.sources), (second, self.targets)):
            if path == "":
                raise ConfigError(key, "is empty", f"name a file, or leave it out ({key}=null)")
        if self.one is not None and (self.sources or self.targets):
            raise ConfigError(
                single, f"cannot stand together with {first} and {second}", "set one or the other to null"
            )
        if (self.sources is None) != (self.targets is None):
            lacking, given = (first, second) if self.sources is None else (second, first)
            raise ConfigError(lacking, f"is not set, and {given} is", "name both files")

    @property
    def given(self) -> bool:
        """Whether there are files."""
        return self.one is not None or self.sources is not None


class PairFiles(Pairs):
    """Sentences and translations, words and pronunciations, forms and lemmas: sources and targets from files.

    A split is one file of tab-separated text or JSON lines, or two aligned files, line n of one belonging to line n
    of the other; each may be compressed (.gz). White space at the ends is dropped, runs of it count as one space,
    and letters are composed (Unicode NFC).

    Without files of their own, validation and test are cut from the training file: whole sources, so that no source
    is in two splits, chosen by their text and the seed.

    Args:
        path: training file: tab-separated, or JSON lines where its name ends in .jsonl, .json or .ndjson.
        source_path: or the file of the sources,
        target_path: and that of the targets.
        val_path: file of the validation pairs.
        val_source_path: or the file of their sources,
        val_target_path: and that of their targets.
        test_path: file of the test pairs.
        test_source_path: or the file of their sources,
        test_target_path: and that of their targets.
        format: "tsv" or "jsonl", whatever the names of the files.
        source_column: name of the source's column or key, or its position counted from 0; None: 0, or "source" in
            JSON.
        target_column: the same for the target; None: 1, or "target" in JSON, where it may be a list of right answers.
        header: whether the first line of tab-separated text names the columns; None: when a column is given by name.
        skip_empty: leave out pairs with an empty side, and count them; otherwise they are an error.
        group: evaluate sources that occur several times once, any of their targets being right; false: each line.
        val: fraction of the sources for validation, or their number from 1 on, where it has no file.
        test: the same for the test.
        tokenizer: of both sides: sentencepiece (trained on the training pairs), space or char.
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
        batch_size: tokens a batch, padding included, on the side that has more of them; or sentences a batch.
            Sampling makes some sentences longer than they are counted.
        cache: folder for tokenised training data; None: the user's cache folder.
        num_workers: processes that load batches.
        seed: of the splits and of subword sampling; None: 0.
    """

    #: Options that may differ when a trained run is evaluated: other files, and how they are written.
    changeable = (
        "path",
        "source_path",
        "target_path",
        "format",
        "source_column",
        "target_column",
        "header",
        "skip_empty",
        "group",
        "batch_unit",
        "batch_size",
        "cache",
        "num_workers",
    )

    def __init__(
        self,
        path: str | None = None,
        source_path: str | None = None,
        target_path: str | None = None,
        val_path: str | None = None,
        val_source_path: str | None = None,
        val_target_path: str | None = None,
        test_path: str | None = None,
        test_source_path: str | None = None,
        test_target_path: str | None = None,
        format: Literal["tsv", "jsonl"] | None = None,
        source_column: str | int | None = None,
        target_column: str | int | None = None,
        header: bool | None = None,
        skip_empty: bool = False,
        group: bool = True,
        val: Share = 0.05,
        test: Share = 0.05,
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
        super().__init__(text, val=val, test=test, seed=seed, num_workers=num_workers)
        self.paths = {
            "train": _Paths("", path, source_path, target_path),
            "val": _Paths("val_", val_path, val_source_path, val_target_path),
            "test": _Paths("test_", test_path, test_source_path, test_target_path),
        }
        self.format, self.skip_empty, self.group = format, skip_empty, group
        self.columns = Columns(source_column, target_column, header)
        if not self.paths["train"].given:
            raise ConfigError("data.path", "is not set", "name a file, or data.source_path and data.target_path")
        self._check_columns()

    def _check_columns(self) -> None:
        """Raise the ConfigError for options that none of the files has a use for."""
        if any(paths.one is not None for paths in self.paths.values()):
            return
        chosen = {
            "format": self.format,
            "source_column": self.columns.source,
            "target_column": self.columns.target,
            "header": self.columns.header,
        }
        for name, value in chosen.items():
            if value is not None:
                raise ConfigError(f"data.{name}", "is for a single file of pairs", f"set data.{name}=null")

    def open_corpus(self, split: str) -> Corpus | None:
        """The file or files of a split; None for one that is cut from the training pairs.

        Raises:
            DataError: a file is missing or empty.
        """
        paths = self.paths[split]
        if not paths.given:
            return None
        if paths.one is None:
            sources, targets = find_source(paths.sources or ""), find_source(paths.targets or "")
            return Aligned(self.skip_empty, source=sources, target=targets)
        found = find_source(paths.one)
        form: Format = self.format or format_of(found)
        if form == "jsonl":
            return JSONLines(self.skip_empty, source=found, columns=self.columns)
        return Tabbed(self.skip_empty, source=found, columns=self.columns)
