"""What every source of pairs has in common: read, split, find tokens, batch, and turn ids into text again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo.data.pairs.corpus import Corpus, Example, examples_of
from zoo.data.pairs.cut import check_share
from zoo.data.pairs.files import Columns
from zoo.data.pairs.filters import filter_notes, filters
from zoo.data.pairs.lines import counted
from zoo.data.pairs.options import TextOptions
from zoo.data.pairs.requests import Request, check_phrases, constraints_of, read_requests, requests_from
from zoo.data.pairs.sides import Sides, copied, fit_sides, pieces_of
from zoo.data.pairs.survey import Survey, skipped_note, survey_corpus
from zoo.data.pairs.written import Written
from zoo.data.source import find_source
from zoo.data.splits import SPLITS
from zoo.data.text import BEGIN, END, PADDING, UNKNOWN, PairStore, padding_share, store_pairs, token_batches
from zoo.errors import ConfigError, DataError

if TYPE_CHECKING:
    from zoo.data.pairs.dataset import PairDataset

Anything = TypeVar("Anything")


class Pairs:
    """Pairs of texts: a source and what it is to become.

    Training goes through every pair. Evaluation has one example a source with all its right answers, or one a pair
    where `group` is false.

    A subclass says where the pairs come from (`open_corpus`).

    Args:
        text: how texts become tokens, and tokens batches.
        val: fraction of the sources for validation, or their number from 1 on, where the split has no corpus.
        test: the same for the test.
        seed: of the splits and of subword sampling; None: 0.
        num_workers: processes that load batches.
    """

    task = "seq2seq"
    #: Options that may differ when a trained run is evaluated.
    changeable: tuple[str, ...] = ("batch_size", "batch_unit", "cache", "num_workers")
    #: What is trained on them where the configuration names no model.
    usual_model = "luong"
    #: Names of the usual metrics; none: those of the task.
    metrics: tuple[str, ...] = ()
    #: Whether sources with several right answers are one example.
    group = True
    #: The split that is meant by "all"; None: the whole training corpus.
    whole: str | None = None
    notes: list[str]

    def __init__(self, text: TextOptions, *, val: float, test: float, seed: int | None, num_workers: int) -> None:
        check_share("data.val", val)
        check_share("data.test", test)
        if val + test >= 1 and val < 1 and test < 1:
            raise ConfigError(
                "data.val, data.test", f"{val:g} and {test:g} leave nothing to train on", "make their sum less than 1"
            )
        self.text, self.val_share, self.test_share, self.seed = text, val, test, seed or 0
        self.batch_unit, self.batch_size, self.num_workers = text.batch_unit, text.batch_size, num_workers
        self.columns = Columns()
        self._forget()
        self._sides: Sides | None = None
        self._facts: dict[str, Any] = {}

    def _forget(self) -> None:
        """Everything that was read."""
        self.notes = []
        self._survey: Survey | None = None
        self._examples: dict[str, list[Example]] = {}
        self._datasets: dict[str, PairDataset] = {}
        self._references: dict[str, Sequence[list[str]]] = {}
        self._stores: dict[bool, PairStore] = {}
        self._label, self._requests = "", list[Request]()
        self._written = Written()

    # What a subclass says.

    def open_corpus(self, split: str) -> Corpus | None:
        """The pairs of "train", of which splits without a corpus of their own are cut, of "val" or of "test"."""
        raise TypeError(f"{type(self).__name__} does not say where its pairs come from")

    # What the harness asks for.

    def setup(self) -> None:
        """Read everything, split it, and find the vocabularies of the training pairs, unless they were loaded.

        Raises:
            DataError: whatever is wrong with the data.
        """
        if self._sides is not None:  # what is evaluated is read when it is asked for
            return
        survey = self._surveyed()
        self._sides = fit_sides(survey, self.text)
        try:
            self._look(self._sides)
        except BaseException:
            self._sides = None
            raise

    def _look(self, sides: Sides) -> None:
        """Tokenise everything, and say what there is."""
        train = self.dataset("train")
        datasets = {split: self.dataset(split) for split in SPLITS}
        lengths = {
            "source_max_length": max(int(one.lengths.max(initial=1)) for one in datasets.values()),
            "target_max_length": max(int(one.target_lengths.max(initial=1)) for one in datasets.values()),
        }
        self._facts = {**lengths, "examples": {split: len(one) for split, one in datasets.items()}}
        batches = self.batches("train", shuffle=True, seed=self.seed, epoch=0)
        share = padding_share(batches, train.lengths, train.target_lengths)
        self.notes += [
            *sides.notes,
            f"train: {counted(len(train), 'pair')} in {counted(len(batches), 'batch', 'batches')}, {share:.1%} padding",
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """What the data are, as plain data; after `setup` or `load_state_dict`."""
        sides = self._ready()
        facts = {
            "problem": "seq2seq",
            "source_vocab_size": sides.source.size,
            "target_vocab_size": sides.target.size,
            "padding_id": PADDING,
            "unknown_id": UNKNOWN,
            "begin_id": BEGIN,
            "end_id": END,
            "joint_vocabulary": sides.joint,
            **self._facts,
            "examples": dict(self._facts["examples"]),
        }
        return facts | ({"metrics": list(self.metrics)} if self.metrics else {})

    def dataset(self, split: str) -> PairDataset:
        """Pairs of "train"; examples of "val", "test" or "all", the last being every source of the training corpus."""
        from zoo.data.pairs.dataset import PairDataset, SampledPairs

        split = self._meant(split)
        if split not in self._datasets:
            sides = self._ready()
            if split == "train":
                store = self._store(keep_text=sides.samples)
                if sides.samples:
                    self._datasets[split] = SampledPairs(store, sides.source, sides.target, self.seed)
                else:
                    self._datasets[split] = PairDataset(store.source, store.target)
            else:
                examples = self._examples_of(split)
                sources, targets = [one.source for one in examples], [one.references[0] for one in examples]
                dataset = PairDataset.of(sides.source, sides.target, sources, targets)
                self._written.remember(sources, dataset.source)
                self._datasets[split] = dataset
        return self._datasets[split]

    def batches(self, split: str, *, shuffle: bool, seed: int, epoch: int) -> list[NDArray[np.int64]]:
        """The batches of an epoch over all ranks, each of sentences of nearly the same length.

        Args:
            split: of the data.
            shuffle: batches that differ every epoch, in random order.
            seed: of that.
            epoch: of that.
        """
        dataset = self.dataset(split)
        limit = {self.batch_unit: self.batch_size}
        return token_batches(dataset.lengths, dataset.target_lengths, shuffle=shuffle, seed=seed, epoch=epoch, **limit)

    def sources(self, split: str) -> Sequence[str]:
        """The source text of every example."""
        from zoo.data.pairs.dataset import Lazily

        split = self._meant(split)
        if split == "train":
            store = self._store(keep_text=True)
            return Lazily(len(store), lambda index: store.text("source", index))
        return [example.source for example in self._examples_of(split)]

    def references(self, split: str) -> Sequence[list[str]]:
        """All right answers to every example."""
        split = self._meant(split)
        if split not in self._references:
            if split == "train":
                self._references[split] = self._training_references()
            else:
                self._references[split] = [example.references for example in self._examples_of(split)]
        return self._references[split]

    def _training_references(self) -> Sequence[list[str]]:
        from zoo.data.pairs.dataset import Lazily

        store = self._store(keep_text=True)
        if not self.group:
            return Lazily(len(store), lambda index: [store.text("target", index)])
        answers = {one.source: one.references for one in examples_of(self._surveyed().training_pairs(), group=True)}
        return Lazily(len(store), lambda index: answers[store.text("source", index)])

    def read(self, source: str | Path | TextIO) -> PairDataset:
        """Sources to predict for, from a file, "-" or a stream: one a line, JSON lines, or tab-separated columns.

        JSON objects have `source`, and may have `target` (for scoring), `prefix`, `must` and `must_not`.

        Raises:
            DataError: whatever is wrong with it, with its line.
        """
        found, self.notes = find_source(source), []
        return self._to_predict(found.label, read_requests(found, self.columns, self.notes))

    def read_records(self, records: Sequence[Mapping[str, Any]]) -> PairDataset:
        """The same for records that are in memory.

        Raises:
            DataError: a record without a source, or a value that is no text.
        """
        self.notes = []
        return self._to_predict("the records", requests_from(records, self.columns, self.notes))

    def _to_predict(self, label: str, requests: list[Request]) -> PairDataset:
        from zoo.data.pairs.dataset import PairDataset

        if not requests:
            raise DataError(label, problem="has no sources")
        sides = self._ready()
        sources = [request.source for request in requests]
        dataset = PairDataset.of(sides.source, sides.target, sources, [one.target or "" for one in requests])
        tokens, _ = dataset.source.take(range(len(dataset)))
        if unknown := int((tokens == UNKNOWN).sum()):
            self.notes.append(f"{label}: {unknown:,} of {len(tokens):,} source tokens are not in the vocabulary")
        check_phrases(requests, sides.encode_target, label)
        self._label, self._requests, self._written = label, requests, Written()
        self._written.remember(sources, dataset.source)
        return dataset

    def state_dict(self) -> dict[str, Any]:
        """Everything that prediction needs, in plain containers: tokenizers above all."""
        return {**self._ready().to_state(), "facts": {**self._facts, "examples": dict(self._facts["examples"])}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over tokenizers and facts; a later `setup` does not refit them."""
        self._forget()
        self._sides = Sides.from_state(state)
        self._facts = {**state["facts"], "examples": dict(state["facts"]["examples"])}

    @staticmethod
    def collate(batch: Anything) -> Anything:
        """The batch as it is."""
        return batch

    # Texts and ids.

    def encode_source(self, text: str) -> list[int]:
        """Ids of a source, the end among them."""
        return self._ready().encode_source(text)

    def encode_target(self, text: str) -> list[int]:
        """Ids of a target, without begin and end."""
        return self._ready().encode_target(text)

    def decode(self, ids: Iterable[int]) -> str:
        """The target text of ids; padding, begin and end are left out."""
        return self._ready().target.decode(ids)

    def source_text(self, ids: Sequence[int]) -> str:
        """The source text of ids, unknown tokens as they were written where that is known."""
        return self._written.text(ids) or self._ready().source.decode(ids)

    def source_tokens(self, ids: Sequence[int], text: str | None = None) -> list[str]:
        """A readable token for every id of a source, unknown ones as they stand in its text where that is known."""
        tokenizer = self._ready().source
        return self._written.tokens(ids, tokenizer) if text is None else pieces_of(tokenizer, text, ids)

    def target_tokens(self, ids: Sequence[int]) -> list[str]:
        """A readable token for every id of a target."""
        return self._ready().target.tokens(ids)

    def decode_with_source(
        self, ids: Sequence[int], source: Sequence[int], positions: Iterable[int], text: str | None = None
    ) -> str:
        """The target text, with a source token for each unknown one.

        Args:
            ids: of a target.
            source: ids of its source.
            positions: in the source, one for every id: where the model looked.
            text: of the source, where it is known.
        """
        return self._ready().target.decode(ids, copied(self.source_tokens(source, text), ids, positions))

    def constraints(
        self, indices: Sequence[int], must: Sequence[str] = (), must_not: Sequence[str] = ()
    ) -> dict[str, list[Any]]:
        """What a search must heed for rows of what was read last, as its arguments `prefixes`, `must` and `must_not`.

        Args:
            indices: of the rows.
            must: phrases for every row, beside its own.
            must_not: the same.

        Raises:
            DataError: a phrase that must appear has tokens that are not in the vocabulary.
        """
        rows = [self._requests[index] for index in indices] if self._requests else [Request("")] * len(indices)
        return constraints_of(rows, self.encode_target, must, must_not)

    def asked(self, indices: Sequence[int]) -> list[str]:
        """The source texts of rows of what was read last."""
        return [self._requests[index].source for index in indices]

    def require_targets(self) -> None:
        """Raise the DataError for a row of what was read last that has no target, and so cannot be scored."""
        for place, row in enumerate(self._requests):
            if row.target is None:
                remedy = 'write source TAB target, or JSON lines with "source" and "target"'
                raise self.error_at(place, problem="has no target to score", remedy=remedy)

    def error_at(self, index: int, *, problem: str, remedy: str = "") -> DataError:
        """The error that names a row of what was read last, or an example where nothing was read."""
        if not self._requests:
            return DataError(f"example {index}", problem=problem, remedy=remedy)
        line = self._requests[index].line
        label = self._label if line is not None else f"{self._label}, record {index + 1}"
        return DataError(label, line=line, problem=problem, remedy=remedy)

    def same_target_vocabulary(self, other: Pairs) -> bool:
        """Whether ids of targets mean the same."""
        return self._ready().target.fingerprint == other._ready().target.fingerprint

    # Inside.

    def _ready(self) -> Sides:
        if self._sides is None:
            raise RuntimeError("call setup() or load_state_dict() first")
        return self._sides

    def _meant(self, split: str) -> str:
        if split not in (*SPLITS, "all"):
            raise KeyError(f"no split {split!r}: train, val, test or all")
        if self._sides is None:
            self.setup()
        return self.whole or split if split == "all" else split

    def _surveyed(self) -> Survey:
        if self._survey is None:
            corpora = {split: self.open_corpus(split) for split in SPLITS}
            train = corpora.pop("train")
            assert train is not None
            own = {split: corpus for split, corpus in corpora.items() if corpus is not None}
            self._survey = survey_corpus(
                train, own, val=self.val_share, test=self.test_share, seed=self.seed, group=self.group
            )
            self.notes += self._survey.notes
            self._examples |= self._survey.examples
        return self._survey

    def _examples_of(self, split: str) -> list[Example]:
        """The examples of "val", "test" or "all"; of the training corpus only what has to be read of it."""
        if split not in self._examples:
            corpus = self.open_corpus("train" if split == "all" else split)
            if corpus is None:
                self._surveyed()
            else:
                self._examples[split] = examples_of(corpus, group=self.group)
                self.notes += skipped_note(corpus)
        return self._examples[split]

    def _store(self, *, keep_text: bool) -> PairStore:
        """Training pairs as ids, without those that are too long or too uneven."""
        if keep_text not in self._stores:
            survey, sides = self._surveyed(), self._ready()
            store = store_pairs(
                [*survey.corpus.parts, asdict(survey.cut), self.text.max_length, self.text.max_ratio],
                survey.training_pairs,
                sides.source,
                sides.target,
                keep_text=keep_text,
                drop=filters(self.text.max_length, self.text.max_ratio),
                folder=self.text.cache,
            )
            self.notes += [note for note in filter_notes(store) if note not in self.notes]
            if not len(store):
                raise DataError(
                    survey.corpus.label,
                    problem="all training pairs are left out",
                    remedy="raise data.max_length or data.max_ratio",
                )
            self._stores[keep_text] = store
        return self._stores[keep_text]
