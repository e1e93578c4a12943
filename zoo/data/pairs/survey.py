"""What one or two passes over a corpus show: which pairs train, what is held out, and whether it was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from zoo.data.pairs.corpus import Corpus, Example, Pair, examples_of
from zoo.data.pairs.cut import Cut, cut_corpus
from zoo.data.pairs.lines import counted
from zoo.errors import DataError


@dataclass
class Survey:
    """The splits of the training corpus.

    Args:
        corpus: of which the training pairs are part.
        cut: what decides.
        examples: held out for evaluation, by split.
        notes: for the user.
    """

    corpus: Corpus
    cut: Cut
    examples: dict[str, list[Example]]
    notes: list[str] = field(default_factory=list)

    def training_pairs(self) -> Iterator[Pair]:
        """The pairs to train on, read anew."""
        return (pair for pair in self.corpus if self.cut.split(pair.source) == "train")


def survey_corpus(
    corpus: Corpus, own: Mapping[str, Corpus], *, val: float, test: float, seed: int, group: bool
) -> Survey:
    """Hold out examples, and compare those that have files of their own with the training pairs.

    Args:
        corpus: training pairs, and those of splits without a corpus of their own.
        own: the corpora of other splits.
        val: fraction of the sources for validation, or their number, unless it has its own.
        test: the same for the test.
        seed: of the choice.
        group: see `examples_of`.

    Raises:
        DataError: whatever is wrong with any file; a corpus without pairs.
    """
    cut = cut_corpus(corpus, val=0 if "val" in own else val, test=0 if "test" in own else test, seed=seed)
    examples = {split: examples_of(one, group=group) for split, one in own.items()}
    for split, one in own.items():
        if not examples[split]:
            raise DataError(one.label, problem="has no pairs", remedy="check the file")
    notes = [note for one in own.values() for note in skipped_note(one)]
    lines = {split: {example.source: example.line for example in found} for split, found in examples.items()}
    seen: dict[str, dict[str, int]] = {split: {} for split in own}
    held: dict[str, list[Pair]] = {"val": [], "test": []}
    count = 0
    for pair in corpus:
        split = cut.split(pair.source)
        if split != "train":
            held[split].append(pair)
            continue
        count += 1
        for name, known in lines.items():
            if pair.source in known:
                seen[name].setdefault(pair.source, pair.line)
    if not count:
        raise DataError(corpus.label, problem="has no pairs", remedy="check the file")
    for name, found in seen.items():
        notes += _overlap_note(name, own[name].label, examples[name], corpus.label, found)
    examples |= {split: examples_of(held[split], group=group) for split in held if split not in own}
    return Survey(corpus, cut, examples, skipped_note(corpus) + notes)


def skipped_note(corpus: Corpus) -> list[str]:
    """A sentence on the pairs that the last pass left out."""
    if not corpus.skipped:
        return []
    return [f"{corpus.label}: {counted(corpus.skipped, 'pair')} left out because a side is empty"]


def _overlap_note(
    split: str, label: str, examples: list[Example], training: str, found: Mapping[str, int]
) -> list[str]:
    """The warning that examples were trained on."""
    shared = [example for example in examples if example.source in found]
    if not shared:
        return []
    first = shared[0]
    return [
        f"{len(shared):,} of {len(examples):,} {split} sources are also in the training data, flattering the model; "
        f"the first in {label}, line {first.line} and {training}, line {found[first.source]}"
    ]
