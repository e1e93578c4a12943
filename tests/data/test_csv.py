"""The columns of a file as target and features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zoo.data.csv import CSV
from zoo.errors import ConfigError, DataError

Write = Callable[..., str]
HEADER = "age,city,member,zip,y"


def lines(rows: int = 40, header: str = HEADER) -> list[str]:
    return [
        header,
        *(f"{20 + i},{'AB'[i % 2]},{i % 3 == 0},{100 + i % 4},{['no', 'yes'][i % 2]}" for i in range(rows)),
    ]


def names(data: CSV) -> list[str]:
    data.setup()
    return data.facts["feature_names"]


def test_text_becomes_categories_and_the_rest_numbers(write: Write) -> None:
    data = CSV(write(lines()), "y")
    assert names(data) == ["age", "city=A", "city=B", "member", "zip"]
    assert data.facts["in_features"] == 5


@pytest.mark.parametrize("target", ["y", 4, -1])
def test_the_target_goes_by_name_or_position(write: Write, target: str | int) -> None:
    data = CSV(write(lines()), target)
    data.setup()
    assert data.facts["target_names"] == ["y"]


@pytest.mark.parametrize("target", [4, "4", -1])
def test_without_a_header_the_target_goes_by_position(write: Write, target: str | int) -> None:
    data = CSV(write(lines()[1:]), target, header=False, features=[0, 1])
    assert names(data) == ["0", "1=A", "1=B"]
    assert data.facts["class_names"] == ["no", "yes"]


def test_features_are_the_ones_named_in_the_order_named(write: Write) -> None:
    assert names(CSV(write(lines()), "y", features=["zip", "age"])) == ["zip", "age"]


def test_numbers_can_be_categories(write: Write) -> None:
    data = CSV(write(lines()), "y", features=["zip"], categorical=["zip"])
    assert names(data) == ["zip=100", "zip=101", "zip=102", "zip=103"]


def test_leading_zeros_of_a_categorical_column_are_kept(write: Write) -> None:
    data = CSV(
        write(["code,y", *(f"{'01' if i % 2 else '1'},{'uv'[i % 2]}" for i in range(30))]), "y", categorical=["code"]
    )
    assert names(data) == ["code=01", "code=1"]


def test_text_in_a_column_said_to_be_numeric_is_named(write: Write) -> None:
    with pytest.raises(DataError, match=r"data.csv, line 2, column 'city': 'A' is not a number"):
        CSV(write(lines()), "y", numeric=["city"]).setup()


def test_text_in_a_numeric_column_is_named_by_line(write: Write) -> None:
    content = lines()
    content[17] = content[17].replace("36,", "abc,", 1)
    with pytest.raises(DataError, match=r"data.csv, line 18, column 'age': 'abc' is not a number; .*data.categorical"):
        CSV(write(content), "y").setup()


def test_dates_are_refused_with_advice(write: Write) -> None:
    path = write(["day,y", *(f"2021-03-{i + 1:02},{'uv'[i % 2]}" for i in range(28))])
    with pytest.raises(DataError, match=r"column 'day': dates \('2021-03-01'\) .*data.features"):
        CSV(path, "y").setup()


def test_dates_of_a_column_left_out_do_no_harm(write: Write) -> None:
    path = write(["day,x,y", *(f"2021-03-{i + 1:02},{i},{'uv'[i % 2]}" for i in range(28))])
    assert names(CSV(path, "y", features=["x"])) == ["x"]
    assert names(CSV(path, "y", features=["x", "day"], categorical=["day"]))[1].startswith("day=2021")


def test_dates_in_parquet_are_refused_too(tmp_path: Any) -> None:
    import pandas as pd

    path = tmp_path / "data.parquet"
    pd.DataFrame({"day": pd.date_range("2020", periods=9), "y": list("ababababa")}).to_parquet(path)
    with pytest.raises(DataError, match="column 'day': dates"):
        CSV(str(path), "y").setup()


def test_text_with_many_values_is_refused_with_advice(write: Write) -> None:
    path = write(["name,y", *(f"person{i},{'uv'[i % 2]}" for i in range(200))])
    with pytest.raises(DataError, match=r"column 'name': text with 140 different values .*data.features"):
        CSV(path, "y").setup()
    assert len(names(CSV(path, "y", max_categories=200))) == 140


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "Y"}, r"no column 'Y' \(data.target\); did you mean 'y'\?"),
        ({"target": "price"}, r"no column 'price' \(data.target\); it has 'age', 'city'"),
        ({"target": 7}, r"no column '7' \(data.target\)"),
        ({"target": "y", "features": ["aeg"]}, r"no column 'aeg' \(data.features\); did you mean 'age'\?"),
        ({"target": "y", "categorical": ["zipp"]}, r"no column 'zipp' \(data.categorical\); did you mean 'zip'"),
        ({"target": "y", "split_column": "part"}, r"no column 'part' \(data.split_column\)"),
        ({"target": "y", "features": []}, "no column is left as a feature"),
        ({"target": "y", "delimiter": ";"}, r"only one column found with delimiter ';', .*data.delimiter"),
    ],
)
def test_a_column_that_is_not_there_is_named(write: Write, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        CSV(write(lines()), **options).setup()


def test_a_file_with_another_delimiter_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="only one column found, 'a b y'"):
        CSV(write(["a b y", "1 2 u"]), "y").setup()


@pytest.mark.parametrize(
    "options",
    [
        {"target": "y", "features": ["age", "y"]},
        {"target": ["y", "y"]},
        {"target": []},
        {"target": "y", "categorical": ["age"], "numeric": ["age"]},
        {"target": "y", "features": ["age"], "numeric": ["zip"]},
        {"target": "y", "delimiter": "ab"},
    ],
)
def test_options_that_contradict_each_other_are_refused(write: Write, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^data\."):
        CSV(write(lines()), **options).setup()


def test_errors_take_one_line(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        CSV(write(lines()), "price").setup()
    assert len(str(caught.value).splitlines()) == 1


def test_the_constructor_reads_nothing() -> None:
    assert CSV("absent.csv", "y").batch_size == 64


def test_importing_needs_neither_torch_nor_pandas_nor_scikit_learn() -> None:
    import subprocess
    import sys

    code = (
        "import sys, zoo.data.csv, zoo.data.sklearn_sets;"
        "print([m for m in ('torch', 'pandas', 'sklearn') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
