"""SIGMORPHON 2021, shared task 1: grapheme-to-phoneme conversion (Ashby et al. 2021)."""

from __future__ import annotations

from zoo.data.pairs.base import Pairs
from zoo.data.pairs.corpus import Corpus
from zoo.data.pairs.files import Columns, Tabbed
from zoo.data.pairs.folders import find_folder
from zoo.data.pairs.options import (
    PRONUNCIATION,
    BatchSize,
    BatchUnit,
    Form,
    MaxLength,
    MaxRatio,
    MinCount,
    TextOptions,
    Workers,
)
from zoo.data.source import find_source
from zoo.errors import ConfigError, DataError
from zoo.registry import did_you_mean

_FILES = {"train": "train", "val": "dev", "test": "test"}


class Sigmorphon2021(Pairs):
    """Words and pronunciations of one language in their official splits; source: letters, target: phones.

    The files are those of sigmorphon/2021-task1, data: medium/dut_train.tsv and so on.

    Args:
        path: the folder of the files, or of the folders high, medium and low.
        language: such as dut, kor, vie_hanoi, eng_us.
        form: of the letters: NFD, where Hangul syllables come apart into jamo, or NFC.
        min_count: letters and phones seen less often are unknown.
        max_length: training words with more letters or phones are left out.
        max_ratio: training words with so many times more letters than phones, or fewer, are left out.
        batch_unit: what `batch_size` counts: sentences (here words) or tokens.
        batch_size: words a batch; or tokens a batch, padding included, of its longer side.
        cache: folder for tokenised training data; None: the user's cache folder.
        num_workers: processes that load batches.
    """

    changeable = ("path", "batch_size", "batch_unit", "cache", "num_workers")
    metrics = PRONUNCIATION
    whole = "test"

    def __init__(
        self,
        path: str,
        language: str,
        form: Form = "NFD",
        min_count: MinCount = 1,
        max_length: MaxLength | None = None,
        max_ratio: MaxRatio | None = None,
        batch_unit: BatchUnit = "sentences",
        batch_size: BatchSize = 64,
        cache: str | None = None,
        num_workers: Workers = 0,
    ) -> None:
        text = TextOptions(
            "char",
            "space",
            form,
            min_count=min_count,
            max_length=max_length,
            max_ratio=max_ratio,
            batch_unit=batch_unit,
            batch_size=batch_size,
            cache=cache,
        )
        super().__init__(text, val=0, test=0, seed=None, num_workers=num_workers)
        self.path, self.language = path, language

    def open_corpus(self, split: str) -> Corpus:
        """The file of a split.

        Raises:
            ConfigError: the folder has no such language.
            DataError: there is no such folder, or it has other files.
        """
        folder = find_folder(self.path, "set data.path to the folder of the task's data")
        folders = (folder, *(folder / size for size in ("medium", "high", "low")))
        name = f"{self.language}_{_FILES[split]}.tsv"
        for parent in folders:
            if (path := parent / name).is_file():
                return Tabbed(source=find_source(path), columns=Columns())
        known = sorted({path.name.removesuffix("_train.tsv") for one in folders for path in one.glob("*_train.tsv")})
        if self.language in known:
            raise DataError(self.path, problem=f"has no {name}", remedy="get the task's data again")
        if not known:
            raise DataError(
                self.path,
                problem="has no files like dut_train.tsv",
                remedy="set data.path to the folder of the task's data",
            )
        hint = did_you_mean(self.language, known)
        raise ConfigError("data.language", f"{self.path} has no {self.language}{hint}", f"it has {', '.join(known)}")
