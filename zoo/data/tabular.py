"""What every source of tabular data has in common: read, split, fit on the training rows, keep the result."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo.data.fitted import Fitted, require_columns
from zoo.data.preprocessing import FeatureKind, Floats32, Rows, Transform, apply_features, fit_features
from zoo.data.reading import Format, read_table
from zoo.data.splits import SPLITS, check_fractions, split_at_random
from zoo.data.table import Table, listed
from zoo.data.targets import Target, Task, constant_labels, encode_target, fit_target, with_statistics
from zoo.errors import DataError

if TYPE_CHECKING:
    from zoo.data.dataset import TableDataset

Anything = TypeVar("Anything")


@dataclass(frozen=True)
class Content:
    """A table as arrays: inputs (N, F) and targets (N,) or (N, T)."""

    inputs: Floats32
    targets: NDArray[Any]


class Tabular:
    """Rows of numbers and categories with one or several targets.

    A subclass says where the tables come from (`open_table`, and `open_split` where splits have their own),
    what the columns are (`choose_columns`) and, where it is not by chance, which rows belong to which split
    (`marked_rows`).

    Args:
        val: fraction of the rows for validation.
        test: fraction of the rows for the test.
        stratify: keep the shares of the classes in both.
        seed: of the splits; None: 0.
        batch_size: rows a batch.
        num_workers: processes that load batches.
        transform: "standard", "quantile" or "none", see `fit_number`.
        max_categories: of one text column.
    """

    task: Task | None = None
    notes: list[str]

    def __init__(
        self,
        *,
        val: float,
        test: float,
        stratify: bool,
        seed: int | None,
        batch_size: int,
        num_workers: int,
        transform: Transform,
        max_categories: int,
    ) -> None:
        check_fractions(val, test)
        self.val, self.test, self.stratify, self.seed = val, test, stratify, seed
        self.batch_size, self.num_workers = batch_size, num_workers
        self.transform, self.max_categories = transform, max_categories
        self.notes = []
        self._fitted: Fitted | None = None
        self._content: Content | None = None
        self._no_splits: DataError | None = None
        self._datasets: dict[str, TableDataset] = {}

    # What a subclass says.

    def open_table(self, as_text: Collection[str]) -> Table:
        """The main table, of which the training rows are part; cells of `as_text` columns as written."""
        raise TypeError(f"{type(self).__name__} does not say where its table comes from")

    def open_split(self, split: str, as_text: Collection[str]) -> Table | None:
        """The table of a split that has one of its own."""
        return None

    def choose_columns(self, table: Table) -> tuple[list[str], dict[str, FeatureKind]]:
        """The target columns, and what each feature column is."""
        raise TypeError(f"{type(self).__name__} does not say what its columns are")

    def marked_rows(self, table: Table) -> dict[str, Rows] | None:
        """Rows of each split, where the data say so; an empty one is cut from the training rows."""
        return None

    def class_order(self) -> list[str] | None:
        """Class names in an order of their own; None: natural order."""
        return None

    def prediction_format(self) -> Format:
        """Layout of a file to predict on."""
        return Format()

    # What the harness asks for.

    def setup(self) -> None:
        """Read, split and prepare. Preprocessing is fitted on the training rows, unless it was loaded.

        Raises:
            DataError: whatever is wrong with the data.
        """
        if self._content is not None:
            return
        if self._fitted is None:
            self._fit()
            return
        fitted, table = self._fitted, self.open_table(self._fitted.as_text)
        content = self._apply(table, fitted)
        self.notes = [*table.notes, *self.notes]
        self._datasets = {"all": _dataset(content)}
        try:
            splits = self._split(table, content.targets, fitted.target)
        except DataError as error:  # a new file may be too small to be split, and all of it is wanted
            self._no_splits, splits = error, {}
        for split, rows in splits.items():
            if not self.has_own_table(split):  # which is read when asked for: it need not be there any more
                self._datasets[split] = _dataset(content, rows)
        self._content = content

    def _fit(self) -> None:
        table = self.open_table(())
        names, kinds = self.choose_columns(table)
        target = fit_target(table, names, self.task, self.class_order())
        targets = encode_target(table, target)
        splits = self._split(table, targets, target)
        train = splits["train"]
        target = with_statistics(target, targets[train])
        features = fit_features(table, kinds, train, self.transform, self.max_categories)
        fitted = Fitted(list(table.names), target, features)
        notes: list[str] = []
        content = Content(apply_features(table, features, notes), targets)
        datasets = {"all": _dataset(content)} | {split: _dataset(content, splits[split]) for split in SPLITS}
        self.notes = [*table.notes, *notes, *constant_labels(target, targets, train)]
        self.notes += _absent_classes(target, targets[train])
        for split in ("val", "test"):
            own = self.open_split(split, fitted.as_text)
            if own is not None:
                datasets[split] = _dataset(self._apply(own, fitted))
        fitted.examples.update({split: len(datasets[split]) for split in SPLITS})
        self._content, self._datasets, self._fitted = content, datasets, fitted

    def _apply(self, table: Table, fitted: Fitted) -> Content:
        """Another table through the fitted preprocessing."""
        require_columns(table, [*(feature.name for feature in fitted.features), *fitted.target.names])
        notes: list[str] = []
        content = Content(apply_features(table, fitted.features, notes), encode_target(table, fitted.target))
        self.notes += notes
        return content

    def _split(self, table: Table, targets: NDArray[Any], target: Target) -> dict[str, Rows]:
        marked = self.marked_rows(table)
        own = {split for split in ("val", "test") if self.has_own_table(split)}
        everything = np.arange(table.rows) if marked is None else marked["train"]
        given = {split: rows for split, rows in (marked or {}).items() if split != "train" and len(rows)}
        labels = targets[everything] if self.stratify and target.classes else None
        cut = split_at_random(
            table,
            everything,
            labels,
            val=0.0 if "val" in own or "val" in given else self.val,
            test=0.0 if "test" in own or "test" in given else self.test,
            seed=self.seed or 0,
        )
        return cut | given

    def has_own_table(self, split: str) -> bool:
        """Whether `open_split` gives one for this split."""
        return False

    @property
    def facts(self) -> dict[str, Any]:
        """What the data are, as plain data; after `setup` or `load_state_dict`."""
        fitted = self._ready()
        names = [name for feature in fitted.features for name in feature.inputs]
        return {
            **fitted.target.facts,
            "in_features": len(names),
            "feature_names": names,
            "examples": dict(fitted.examples),
        }

    def dataset(self, split: str) -> TableDataset:
        """Rows of "train", "val", "test" or "all", the last being every row of the main table."""
        if split not in (*SPLITS, "all"):
            raise KeyError(f"no split {split!r}: train, val, test or all")
        self.setup()
        if split not in self._datasets:
            own = self.open_split(split, self._ready().as_text)
            if own is None:
                raise self._no_splits or KeyError(split)
            self._datasets[split] = _dataset(self._apply(own, self._ready()))
        return self._datasets[split]

    def read(self, source: str | Path | TextIO) -> TableDataset:
        """Rows of a new file, "-" or a stream, for prediction; no target needed.

        Raises:
            DataError: missing columns, text in a numeric column, no rows.
        """
        fitted = self._ready()
        return self._to_predict(read_table(source, self.prediction_format(), fitted.as_text, fitted.layouts))

    def read_records(self, records: Sequence[Mapping[str, Any]]) -> TableDataset:
        """The same for rows that are in memory, a mapping from column to value each.

        Raises:
            DataError: missing columns, text in a numeric column.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(str(name) for record in records for name in record)))
        writer.writeheader()
        writer.writerows({str(name): value for name, value in record.items()} for record in records)
        text.seek(0)
        fitted = self._ready()
        return self._to_predict(read_table(text, Format(delimiter=","), fitted.as_text, fitted.layouts))

    def _to_predict(self, table: Table) -> TableDataset:
        import torch

        from zoo.data.dataset import TableDataset

        fitted = self._ready()
        require_columns(table, [feature.name for feature in fitted.features])
        extra = [name for name in table.names if name not in fitted.columns]
        self.notes = list(table.notes)
        if extra:
            self.notes.append(f"columns that training did not have are ignored: {listed(extra, at_most=10)}")
        return TableDataset(torch.from_numpy(apply_features(table, fitted.features, self.notes)))

    def state_dict(self) -> dict[str, Any]:
        """Everything that prediction needs, in plain containers."""
        return self._ready().to_state()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over preprocessing and classes; a later `setup` does not refit them."""
        self._fitted = Fitted.from_state(state)
        self._content, self._no_splits, self._datasets, self.notes = None, None, {}, []

    @staticmethod
    def collate(batch: Anything) -> Anything:
        """The batch as it is."""
        return batch

    def _ready(self) -> Fitted:
        if self._fitted is None:
            raise RuntimeError("call setup() or load_state_dict() first")
        return self._fitted


def _dataset(content: Content, rows: Rows | None = None) -> TableDataset:
    import torch

    from zoo.data.dataset import TableDataset

    chosen = None if rows is None else torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64))
    return TableDataset(torch.from_numpy(content.inputs), torch.from_numpy(content.targets), chosen)


def _absent_classes(target: Target, classes: NDArray[Any]) -> list[str]:
    """A sentence on classes without a training row."""
    if not target.classes:
        return []
    counts = np.bincount(classes, minlength=len(target.classes))
    absent = [name for name, count in zip(target.classes, counts, strict=True) if not count]
    return [f"no training row has class {listed(absent, at_most=10)}"] if absent else []
