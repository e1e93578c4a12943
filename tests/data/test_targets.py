"""Which problem a target poses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from zoo.data.csv import CSV
from zoo.errors import DataError

Write = Callable[..., str]


def data_of(write: Write, targets: list[str], **options: Any) -> CSV:
    data = CSV(write(["x,y", *(f"{i},{y}" for i, y in enumerate(targets))]), "y", **options)
    data.setup()
    return data


def many(write: Write, first: list[Any], second: list[Any], **options: Any) -> CSV:
    path = write(["x,u,v", *(f"{i},{a},{b}" for i, (a, b) in enumerate(zip(first, second, strict=True)))])
    data = CSV(path, ["u", "v"], **options)
    data.setup()
    return data


def all_targets(data: CSV) -> torch.Tensor:
    rows = data.dataset("all")
    return rows.__getitems__(range(len(rows)))[1]


@pytest.mark.parametrize(
    ("values", "problem", "classes"),
    [
        (["no", "yes"], "binary", ["no", "yes"]),
        (["c", "a", "b"], "multiclass", ["a", "b", "c"]),
        (["True", "False"], "binary", ["False", "True"]),
        (["true", "false"], "binary", ["False", "True"]),
        (["1", "0"], "binary", ["0", "1"]),
        (["2.0", "1.0"], "binary", ["1", "2"]),
        (["-1", "1"], "binary", ["-1", "1"]),
    ],
)
def test_classes_are_found_out(write: Write, values: list[str], problem: str, classes: list[str]) -> None:
    data = data_of(write, values * 20)
    assert data.facts["problem"] == problem
    assert data.facts["class_names"] == classes
    assert data.facts["num_classes"] == len(classes)
    targets = all_targets(data)
    assert targets.dtype == torch.int64
    expected = {"true": "True", "false": "False", "1.0": "1", "2.0": "2"}
    assert [classes[i] for i in targets] == [expected.get(value, value) for value in values * 20]


def test_fractional_numbers_are_regression(write: Write) -> None:
    values = [0.5 * i for i in range(40)]
    data = data_of(write, [str(v) for v in values])
    assert data.facts["problem"] == "regression"
    assert "num_classes" not in data.facts
    targets = all_targets(data)
    assert targets.dtype == torch.float32
    assert targets[:, 0].tolist() == values


def test_whole_numbers_need_a_word(write: Write) -> None:
    values = ["10", "2", "1"] * 20
    with pytest.raises(DataError, match="task=classification or task=regression"):
        data_of(write, values)
    assert data_of(write, values, task="classification").facts["class_names"] == ["1", "2", "10"]
    assert data_of(write, values, task="regression").facts["problem"] == "regression"


def test_two_whole_numbers_can_be_regression_where_said(write: Write) -> None:
    assert data_of(write, ["0", "1"] * 20, task="regression").facts["problem"] == "regression"


def test_mean_and_scale_are_those_of_the_training_rows_in_original_units(write: Write) -> None:
    data = data_of(write, [str(i * 1.5) for i in range(50)], seed=4)
    train = data.dataset("train")
    targets = train.__getitems__(range(len(train)))[1].double().numpy()
    np.testing.assert_allclose(data.facts["target_mean"], targets.mean(axis=0))
    np.testing.assert_allclose(data.facts["target_scale"], targets.std(axis=0))


@pytest.mark.parametrize("task", ["classification", None])
def test_several_targets_of_zero_and_one_are_labels(write: Write, task: Any) -> None:
    first, second = [0, 1, 1, 0] * 10, ["True", "False"] * 20
    data = many(write, first, second, task=task)
    assert data.facts["problem"] == "multilabel"
    assert data.facts["num_labels"] == 2
    assert data.facts["class_names"] == ["u", "v"]
    expected = torch.tensor([[a, b == "True"] for a, b in zip(first, second, strict=True)], dtype=torch.float32)
    assert torch.equal(all_targets(data), expected)


def test_several_targets_of_numbers_are_regression(write: Write) -> None:
    first, second = list(range(40)), [i * 0.5 for i in range(40)]
    data = many(write, first, second)
    assert data.facts["problem"] == "regression"
    assert data.facts["target_names"] == ["u", "v"]
    assert len(data.facts["target_mean"]) == len(data.facts["target_scale"]) == 2
    assert all_targets(data).tolist() == [list(pair) for pair in zip(first, second, strict=True)]


def test_several_targets_of_zero_and_one_are_regression_where_said(write: Write) -> None:
    assert many(write, [0, 1] * 20, [1, 0] * 20, task="regression").facts["problem"] == "regression"


def test_a_target_of_several_classes_among_others_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match=r"column 'v': 2: each of several class targets must be 0 or 1"):
        many(write, [0, 1, 0] * 10, [0, 1, 2] * 10, task="classification")
    with pytest.raises(DataError, match=r"column 'v': 'red': several targets must be numbers"):
        many(write, [0, 1] * 10, ["red", "blue"] * 10)


def test_a_constant_label_is_noted_and_a_constant_value_has_scale_one(write: Write) -> None:
    assert "label 'v' is 1 in every training row" in many(write, [0, 1] * 20, [1] * 40).notes
    assert many(write, [0.5, 1] * 20, [3] * 40).facts["target_scale"][1] == 1.0


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (["a"] * 20, {}, "column 'y': one class only, 'a'"),
        (["1"] * 20, {}, "column 'y': one class only, '1'"),
        (["1"] * 20, {"task": "classification"}, "column 'y': one class only, '1'"),
        (["0.5"] * 20, {}, "column 'y': the target is the same in every row"),
        (["1.5", "", "2.5"] * 9, {}, r"line 3, column 'y': the target is missing \(and in 8 more\)"),
        (["a", "b", "nan"], {}, "line 4, column 'y': the target is missing"),
        (["1.5", "2.5", "abc", "3"], {}, "line 4, column 'y': 'abc' is not a number; say task=classification"),
        (["a", "b"] * 9, {"task": "regression"}, "line 2, column 'y': 'a' is not a number"),
        (["1.5", "inf", "3"], {}, "line 3, column 'y': infinite value"),
        (["2020-01-05", "2020-01-06"] * 9, {}, "column 'y': dates"),
        ([f"name{i}" for i in range(60)], {}, "column 'y': 60 classes in 60 rows"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(
    write: Write, values: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        data_of(write, values, **options)


def test_dates_can_be_classes_where_said(write: Write) -> None:
    assert data_of(write, ["2020-01-05", "2020-01-06"] * 9, task="classification").facts["problem"] == "binary"


def test_a_class_without_training_rows_is_noted(write: Write) -> None:
    path = write(["x,y,s", *(f"{i},{'ab'[i % 2]},train" for i in range(9)), "9,c,test", "8,a,val"])
    data = CSV(path, "y", split_column="s")
    data.setup()
    assert "no training row has class 'c'" in data.notes
