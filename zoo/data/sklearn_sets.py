"""The small real data sets that come with scikit-learn; no network needed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Lt

from zoo.data.preprocessing import FeatureKind
from zoo.data.table import Column, Table
from zoo.data.tabular import Tabular
from zoo.data.targets import Task

TARGET = "target"


class SklearnSet(Tabular):
    """A data set of `sklearn.datasets`, split by chance. A subclass names its loader.

    Test rows are those of `train_test_split(range(n), test_size=test, random_state=seed, stratify=y)`, with
    `stratify=None` for regression. A file to predict on has scikit-learn's feature names as columns.

    Args:
        val: fraction of the rows for validation.
        test: fraction of the rows for the test.
        stratify: keep the shares of the classes in each split.
        transform: of numbers: "standard" (mean 0, standard deviation 1), "quantile" (to a normal distribution,
            for heavy tails) or "none".
        seed: of the splits; None: 0.
        batch_size: rows a batch.
        num_workers: processes that load batches.
    """

    #: Options that may differ when a trained run is evaluated.
    changeable = ("batch_size", "num_workers")
    loader: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        val: Annotated[float, Ge(0), Lt(1)] = 0.1,
        test: Annotated[float, Ge(0), Lt(1)] = 0.2,
        stratify: bool = True,
        transform: Literal["standard", "quantile", "none"] = "standard",
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
            max_categories=1,
        )
        self._classes: list[str] = []

    def open_table(self, as_text: Collection[str]) -> Table:
        """The set as scikit-learn gives it."""
        import sklearn.datasets

        bunch = getattr(sklearn.datasets, self.loader)(**self.options)
        names = [str(name) for name in bunch.feature_names]
        columns = {name: Column("number", bunch.data[:, i].astype(np.float64)) for i, name in enumerate(names)}
        if self.task == "classification":
            self._classes = [str(name) for name in bunch.target_names]
            columns[TARGET] = Column("text", bunch.target.astype(np.int64), tuple(self._classes))
        else:
            columns[TARGET] = Column("number", bunch.target.astype(np.float64))
        return Table(self.loader.removeprefix("load_"), tuple(columns), len(bunch.data), columns.__getitem__)

    def choose_columns(self, table: Table) -> tuple[list[str], dict[str, FeatureKind]]:
        """All but the target are numbers."""
        return [TARGET], {name: "number" for name in table.names if name != TARGET}

    def class_order(self) -> list[str] | None:
        """That of scikit-learn, so that its class indices are ours."""
        return self._classes or None


class Digits(SklearnSet):
    """1,797 handwritten digits of 8x8 pixels, ten classes."""

    task: Task | None = "classification"
    loader = "load_digits"


class Iris(SklearnSet):
    """150 irises by four measures, three species (Fisher 1936)."""

    task: Task | None = "classification"
    loader = "load_iris"


class Wine(SklearnSet):
    """178 wines by 13 chemical measures, three cultivars."""

    task: Task | None = "classification"
    loader = "load_wine"


class BreastCancer(SklearnSet):
    """569 tumours by 30 measures of cell nuclei, malignant (0) or benign (1)."""

    task: Task | None = "classification"
    loader = "load_breast_cancer"


class Diabetes(SklearnSet):
    """442 patients by ten measures in their own units; the target is the disease's progress after a year."""

    task: Task | None = "regression"
    loader = "load_diabetes"
    options: ClassVar[dict[str, Any]] = {"scaled": False}
