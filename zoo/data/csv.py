"""Tables from files: CSV, TSV, either with .gz, and Parquet."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from annotated_types import Ge, Lt

from zoo.data.preprocessing import FeatureKind, Rows
from zoo.data.reading import Format, one_column_only, read_table
from zoo.data.splits import split_by_column
from zoo.data.table import Table, listed
from zoo.data.tabular import Tabular
from zoo.data.targets import Task, feature_kind
from zoo.errors import ConfigError


class CSV(Tabular):
    """A table from a file; numbers, booleans and categories as features, one or several columns as target.

    Text columns become categories, all others numbers; gaps are filled. The problem follows from the target:
    texts and booleans are classes, numbers with a fractional part are quantities, whole numbers with two values
    are classes; other whole numbers need `task=`. Several targets of 0 and 1 are labels, of other numbers
    quantities.

    Test rows are those of scikit-learn's `train_test_split(range(n), test_size=test, random_state=seed,
    stratify=y)`, with `stratify=None` for regression; validation rows are then taken from the rest.

    Args:
        path: the file: .csv, .tsv, any other text, these with .gz, or .parquet (extra `parquet`).
        target: column to predict, or several; by name, or by position counted from 0.
        features: columns to predict from; None: all others.
        categorical: columns that are categories although they hold numbers or dates.
        numeric: columns that are numbers; a text in them is an error.
        delimiter: what stands between columns; None: a tab in .tsv, else what the first line shows of
            , ; tab and |.
        header: whether the first line names the columns; else they are "0", "1", ...
        decimal: the decimal sign.
        missing: texts that mean a missing value, beside the usual ones (empty, NA, NaN, null, None).
        val: fraction of the rows for validation, unless `val_path` or `split_column` says which.
        test: fraction of the rows for the test, unless `test_path` or `split_column` says which.
        val_path: file of the validation rows.
        test_path: file of the test rows.
        split_column: column that says train, val or test of each row.
        stratify: keep the shares of the classes in each split.
        task: "classification" or "regression"; None: found out.
        transform: of numbers: "standard" (mean 0, standard deviation 1), "quantile" (to a normal distribution,
            for heavy tails) or "none".
        max_categories: most categories of one column.
        seed: of the splits; None: 0.
        batch_size: rows a batch.
        num_workers: processes that load batches.
    """

    #: Options that may differ when a trained run is evaluated: another file, and how it is written.
    changeable = ("path", "delimiter", "header", "decimal", "missing", "batch_size", "num_workers")

    def __init__(
        self,
        path: str,
        target: str | int | list[str | int],
        features: list[str | int] | None = None,
        categorical: list[str | int] | None = None,
        numeric: list[str | int] | None = None,
        delimiter: str | None = None,
        header: bool = True,
        decimal: Literal[".", ","] = ".",
        missing: list[str] | None = None,
        val: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test: Annotated[float, Ge(0), Lt(1)] = 0.2,
        val_path: str | None = None,
        test_path: str | None = None,
        split_column: str | int | None = None,
        stratify: bool = True,
        task: Literal["classification", "regression"] | None = None,
        transform: Literal["standard", "quantile", "none"] = "standard",
        max_categories: Annotated[int, Ge(1)] = 100,
        seed: int | None = None,
        batch_size: Annotated[int, Ge(1)] = 64,
        num_workers: Annotated[int, Ge(0)] = 0,
    ) -> None:
        super().__init__(
            val=val,
            test=test,
            stratify=stratify,
            seed=seed,
            batch_size=batch_size,
            num_workers=num_workers,
            transform=transform,
            max_categories=max_categories,
        )
        if split_column is not None and (val_path or test_path):
            raise ConfigError(
                "data.split_column",
                "cannot stand together with data.val_path or data.test_path",
                "leave one out",
            )
        both = {str(name) for name in categorical or ()} & {str(name) for name in numeric or ()}
        if both:
            raise ConfigError("data.categorical", f"{listed(sorted(both))} also in data.numeric", "name it in one")
        if delimiter is not None and len(Format(delimiter).separator) != 1:
            raise ConfigError("data.delimiter", f"{delimiter!r} is not one character", "use , ; | or tab")
        if isinstance(target, list) and not target:
            raise ConfigError("data.target", "names no column", "name one or several")
        self.path, self.target, self.features = path, target, features
        self.categorical, self.numeric = categorical, numeric
        self.delimiter, self.header, self.decimal, self.missing = delimiter, header, decimal, missing
        self.val_path, self.test_path, self.split_column = val_path, test_path, split_column
        self.task: Task | None = task

    def prediction_format(self) -> Format:
        """The layout that the constructor was told."""
        return Format(self.delimiter, self.header, self.decimal, tuple(self.missing or ()))

    def open_table(self, as_text: Collection[str]) -> Table:
        """The file `path`."""
        chosen = {str(name) for name in self.categorical or ()}
        return self._open(self.path, {*as_text, *chosen})

    def open_split(self, split: str, as_text: Collection[str]) -> Table | None:
        """The file `val_path` or `test_path`."""
        path = {"val": self.val_path, "test": self.test_path}.get(split)
        return None if path is None else self._open(path, as_text)

    def has_own_table(self, split: str) -> bool:
        """Whether the split has a file of its own."""
        return {"val": self.val_path, "test": self.test_path}.get(split) is not None

    def _open(self, path: str, as_text: Collection[str]) -> Table:
        form = self.prediction_format()
        table = read_table(path, form, as_text)
        if len(table.names) == 1:
            raise one_column_only(table, form)
        return table

    def choose_columns(self, table: Table) -> tuple[list[str], dict[str, FeatureKind]]:
        """Targets and features as the constructor names them."""
        wanted = self.target if isinstance(self.target, list) else [self.target]
        targets = [table.resolve(name, "data.target") for name in wanted]
        if len(set(targets)) < len(targets):
            raise ConfigError("data.target", f"{listed(targets)}: a column is named twice", "name it once")
        taken = set(targets)
        if self.split_column is not None:
            taken.add(table.resolve(self.split_column, "data.split_column"))
        names = [name for name in table.names if name not in taken]
        if self.features is not None:
            names = list(dict.fromkeys(table.resolve(name, "data.features") for name in self.features))
        clash = [name for name in names if name in taken]
        if clash:
            raise ConfigError("data.features", f"{listed(clash)} is the target or marks the splits", "leave it out")
        if not names:
            raise table.error("no column is left as a feature", "name columns in data.features")
        chosen: dict[str, FeatureKind] = {}
        for kind, option, columns in (
            ("category", "data.categorical", self.categorical),
            ("number", "data.numeric", self.numeric),
        ):
            for reference in columns or ():
                name = table.resolve(reference, option)
                if name not in names:
                    raise ConfigError(option, f"{name!r} is not a feature", "add it to data.features")
                chosen[name] = "category" if kind == "category" else "number"
        return targets, {name: chosen.get(name) or feature_kind(table, name) for name in names}

    def marked_rows(self, table: Table) -> dict[str, Rows] | None:
        """Rows of each split by `split_column`."""
        if self.split_column is None:
            return None
        return split_by_column(table, table.resolve(self.split_column, "data.split_column"))
