"""What a table is asked to predict: which problem the target columns pose, and their values as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from zoo.data.preprocessing import Rows, mean_and_scale
from zoo.data.table import (
    Column,
    Table,
    as_numbers,
    as_texts,
    listed,
    meant_as_numbers,
    natural_order,
    refuse_dates,
)

Task = Literal["classification", "regression"]
Problem = Literal["binary", "multiclass", "multilabel", "regression"]

_CHOOSE = "say task=classification or task=regression"


@dataclass(frozen=True)
class Target:
    """The target columns of a table.

    Args:
        names: of the columns.
        problem: that they pose.
        classes: names of the classes, by class index.
        as_text: whether the classes are to be read as they are written.
        mean: of each column over the training rows, original units (regression).
        scale: standard deviation of each column, 1 for a constant one (regression).
    """

    names: list[str]
    problem: Problem
    classes: list[str] = field(default_factory=list)
    as_text: bool = False
    mean: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """What model, loss and metrics must know."""
        facts: dict[str, Any] = {"problem": self.problem, "target_names": list(self.names)}
        if self.problem in ("binary", "multiclass"):
            facts |= {"num_classes": len(self.classes), "class_names": list(self.classes)}
        elif self.problem == "multilabel":
            facts |= {"num_labels": len(self.names), "class_names": list(self.names)}
        else:
            facts |= {"target_mean": list(self.mean), "target_scale": list(self.scale)}
        return facts


def fit_target(table: Table, names: Sequence[str], task: Task | None, classes: list[str] | None = None) -> Target:
    """Find out the problem and the classes.

    Args:
        table: the training file.
        names: the target columns.
        task: which problem is meant; None: found out where the values leave no doubt.
        classes: names of the classes in an order of their own; None: natural order.

    Raises:
        DataError: dates, missing or infinite values, one class only, or an open question.
    """
    for name in names:
        column = table.get(name)
        if task != "classification" or column.kind != "text":
            refuse_dates(table, name, column)
        _refuse_missing(table, name, column)
    if len(names) > 1:
        return Target(list(names), _problem_of_many(table, names, task))
    name, column = names[0], table.get(names[0])
    if _task_of_one(table, name, column, task) == "regression":
        values = as_numbers(table, name, remedy="say task=classification if it names a class")
        if table.rows > 1 and values.min() == values.max():
            raise table.error("the target is the same in every row", "nothing can be learned", column=name)
        return Target([name], "regression")
    classes = classes or natural_order(as_texts(column)[1])
    if len(classes) == 1:
        raise table.error(f"one class only, {classes[0]!r}", "at least two are needed", column=name)
    if len(classes) > max(20, table.rows / 2):
        raise table.error(
            f"{len(classes)} classes in {table.rows} rows",
            "check data.target, or say task=regression if it is a quantity",
            column=name,
        )
    return Target([name], "binary" if len(classes) == 2 else "multiclass", classes, column.kind == "text")


def _task_of_one(table: Table, name: str, column: Column, task: Task | None) -> Task:
    """Classification or regression, from the values of a single target."""
    if task is not None:
        return task
    if column.kind == "boolean":
        return "classification"
    if column.kind == "text" and not meant_as_numbers(column, table.decimal):
        return "classification"
    values = as_numbers(table, name, remedy="say task=classification if it names a class")
    if (values % 1 != 0).any():
        return "regression"
    distinct = np.unique(values)
    if len(distinct) == 1:
        raise table.error(f"one class only, '{distinct[0]:g}'", "at least two are needed", column=name)
    if len(distinct) == 2:
        return "classification"
    raise table.error(f"{len(distinct)} different whole numbers may be classes or quantities", _CHOOSE, column=name)


def _problem_of_many(table: Table, names: Sequence[str], task: Task | None) -> Problem:
    """Multilabel where every target is 0 or 1, unless regression is asked for."""
    for name in names:
        column = table.get(name)
        if column.kind == "text" and not meant_as_numbers(column, table.decimal):
            raise table.error(
                f"{column.texts[0]!r}: several targets must be numbers, or labels of 0 and 1",
                "train on this one alone",
                column=name,
            )
        if task == "regression":
            as_numbers(table, name)
            continue
        values = as_numbers(table, name, remedy="correct it")
        other = np.setdiff1d(values, (0.0, 1.0))
        if len(other) and task is None:
            return _problem_of_many(table, names, "regression")
        if len(other):
            raise table.error(
                f"{other[0]:g}: each of several class targets must be 0 or 1",
                "train on this one alone, or say task=regression",
                column=name,
            )
    return "regression" if task == "regression" else "multilabel"


def with_statistics(target: Target, values: NDArray[Any]) -> Target:
    """The target with mean and scale of the training rows, (n, T)."""
    if target.problem != "regression":
        return target
    pairs = [mean_and_scale(column) for column in values.astype(np.float64).T]
    return Target(target.names, target.problem, mean=[mean for mean, _ in pairs], scale=[scale for _, scale in pairs])


def encode_target(table: Table, target: Target) -> NDArray[Any]:
    """Target values of every row.

    Returns:
        Class indices int64 (N,); labels float32 (N, L); or values float32 (N, T) in original units.

    Raises:
        DataError: missing values, text among numbers, or a class that training did not know; names the line.
    """
    columns = {name: table.get(name) for name in target.names}
    for name, column in columns.items():
        if column.kind != "text":
            refuse_dates(table, name, column)
        _refuse_missing(table, name, column)
    if target.problem in ("binary", "multiclass"):
        name = target.names[0]
        codes, names = as_texts(columns[name])
        place = {label: index for index, label in enumerate(target.classes)}
        classes = np.array([place.get(label, -1) for label in names], dtype=np.int64)[codes]
        if (classes < 0).any():
            row = int((classes < 0).argmax())
            raise table.error(
                f"class {names[codes[row]]!r} is not in the training data",
                f"known: {listed(target.classes, at_most=20)}",
                row=row,
                column=name,
            )
        return classes
    values = np.stack([as_numbers(table, name) for name in target.names], axis=1)
    if target.problem == "multilabel":
        wrong = (values != 0) & (values != 1)
        if wrong.any():
            row, label = (int(i) for i in np.argwhere(wrong)[0])
            raise table.error(f"{values[row, label]:g} is neither 0 nor 1", row=row, column=target.names[label])
    return values.astype(np.float32)


def _refuse_missing(table: Table, name: str, column: Column) -> None:
    missing = column.missing
    if missing.any():
        count = int(missing.sum())
        others = f" (and in {count - 1} more)" if count > 1 else ""
        raise table.error(
            f"the target is missing{others}",
            "fill it in or remove the row",
            row=int(missing.argmax()),
            column=name,
        )


def constant_labels(target: Target, values: NDArray[Any], rows: Rows) -> list[str]:
    """Sentences on labels that are never, or always, set in the training rows."""
    if target.problem != "multilabel":
        return []
    mean = values[rows].mean(axis=0)
    return [
        f"label {n!r} is {m:g} in every training row" for n, m in zip(target.names, mean, strict=True) if m in (0, 1)
    ]


def feature_kind(table: Table, name: str) -> Literal["number", "boolean", "category"]:
    """What a column that nobody spoke for is; text that is at least half numbers is meant as numbers.

    Raises:
        DataError: dates, or values that are neither numbers nor texts.
    """
    column = table.get(name)
    refuse_dates(table, name, column)
    if column.kind == "text":
        return "number" if meant_as_numbers(column, table.decimal) else "category"
    return cast(Literal["number", "boolean"], column.kind)
