"""Splits that scikit-learn reproduces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from zoo.data.csv import CSV
from zoo.errors import ConfigError, DataError

Write = Callable[..., str]


@pytest.fixture
def rows(write: Write) -> tuple[str, list[str]]:
    """A file whose only feature is the row's number, and its classes."""
    rng = np.random.default_rng(1)
    labels = rng.choice(["c", "a", "b"], 203, p=[0.6, 0.3, 0.1]).tolist()
    return write(["row,y", *(f"{i},{label}" for i, label in enumerate(labels))]), labels


def row_numbers(data: CSV, split: str) -> list[int]:
    return data.dataset(split).__getitems__(range(len(data.dataset(split))))[0][:, 0].long().tolist()


def data_of(path: str, **options: object) -> CSV:
    return CSV(path, "y", transform="none", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("test", [0.2, 0.33])
@pytest.mark.parametrize("stratify", [True, False])
def test_test_rows_are_those_of_scikit_learn(rows: tuple[str, list[str]], test: float, stratify: bool) -> None:
    path, labels = rows
    data = data_of(path, test=test, seed=5, stratify=stratify)
    _, expected = train_test_split(
        range(len(labels)), test_size=test, random_state=5, stratify=labels if stratify else None
    )
    assert row_numbers(data, "test") == expected


def test_validation_rows_are_held_out_from_the_rest(rows: tuple[str, list[str]]) -> None:
    path, labels = rows
    data = data_of(path, val=0.15, seed=3)
    rest, _ = train_test_split(range(203), test_size=0.2, random_state=3, stratify=labels)
    train, val = train_test_split(rest, test_size=round(0.15 * 203), random_state=3, stratify=[labels[i] for i in rest])
    assert row_numbers(data, "val") == val
    assert row_numbers(data, "train") == train


def test_every_row_is_in_one_split_and_all_has_them_in_order(rows: tuple[str, list[str]]) -> None:
    data = data_of(rows[0], seed=0)
    together = [number for split in ("train", "val", "test") for number in row_numbers(data, split)]
    assert sorted(together) == list(range(203))
    assert row_numbers(data, "all") == list(range(203))
    assert data.facts["examples"] == {"train": 142, "val": 20, "test": 41}


def test_the_seed_changes_the_split_and_nothing_else_does(rows: tuple[str, list[str]]) -> None:
    assert row_numbers(data_of(rows[0], seed=1), "test") == row_numbers(data_of(rows[0], seed=1), "test")
    assert row_numbers(data_of(rows[0], seed=1), "test") != row_numbers(data_of(rows[0], seed=2), "test")


def test_stratified_splits_keep_the_shares_of_the_classes(rows: tuple[str, list[str]]) -> None:
    path, labels = rows
    shares = np.unique(labels, return_counts=True)[1] / 203
    data = data_of(path, seed=0)
    for split in ("train", "val", "test"):
        held = [labels[number] for number in row_numbers(data, split)]
        np.testing.assert_allclose(np.unique(held, return_counts=True)[1] / len(held), shares, atol=0.04)


def test_fractions_of_nothing_leave_empty_splits(rows: tuple[str, list[str]]) -> None:
    data = data_of(rows[0], val=0.0, test=0.0)
    assert [len(data.dataset(split)) for split in ("train", "val", "test")] == [203, 0, 0]


def test_a_class_with_one_row_is_split_without_stratification_and_noted(write: Write) -> None:
    path = write(["row,y", *(f"{i},{'rare' if i == 0 else 'ab'[i % 2]}" for i in range(50))])
    data = data_of(path, seed=0)
    data.setup()
    assert any("not stratified" in note for note in data.notes)
    _, expected = train_test_split(range(50), test_size=0.2, random_state=0)
    assert row_numbers(data, "test") == expected


def test_too_few_rows_are_refused(write: Write) -> None:
    with pytest.raises(DataError, match="2 rows are too few"):
        data_of(write(["row,y", "0,a", "1,b"])).setup()


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (0.9, 0.2), (-0.1, 0.2), (0.1, 1.0)])
def test_fractions_that_cannot_be_are_refused_before_reading(val: float, test: float) -> None:
    with pytest.raises(ConfigError, match=r"data\.(val|test)"):
        CSV("absent.csv", "y", val=val, test=test)


def test_a_column_can_mark_the_splits(write: Write) -> None:
    marks = ["train", "Valid", "test", "train", "dev", "TEST", "train"]
    path = write(["row,y,part", *(f"{i},{'ab'[i % 2]},{mark}" for i, mark in enumerate(marks))])
    data = data_of(path, split_column="part")
    assert {split: row_numbers(data, split) for split in ("train", "val", "test")} == {
        "train": [0, 3, 6], "val": [1, 4], "test": [2, 5],
    }  # fmt: skip
    assert data.facts["feature_names"] == ["row"]


def test_a_split_that_the_column_leaves_out_is_cut_from_the_training_rows(write: Write) -> None:
    path = write(["row,y,part", *(f"{i},{'ab'[i % 2]},{'test' if i < 5 else 'train'}" for i in range(45))])
    data = data_of(path, split_column="part", val=0.25)
    assert row_numbers(data, "test") == [0, 1, 2, 3, 4]
    assert len(row_numbers(data, "val")) == 10
    assert min(row_numbers(data, "val")) >= 5


@pytest.mark.parametrize(
    ("mark", "message"),
    [("other", "line 3, column 'part': 'other' is none of"), ("", "line 3, column 'part': missing value")],
)
def test_any_other_mark_is_named(write: Write, mark: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        data_of(write(["row,part,y", "0,train,a", f"1,{mark},b"]), split_column="part").setup()


def test_marks_without_training_rows_are_refused(write: Write) -> None:
    with pytest.raises(DataError, match="no row is marked train"):
        data_of(write(["row,part,y", "0,val,a", "1,test,b"]), split_column="part").setup()


def test_splits_can_come_from_files_of_their_own(write: Write) -> None:
    paths = {
        split: write(["row,y", *(f"{i},{'ab'[i % 2]}" for i in range(start, start + 10))], f"{split}.csv")
        for split, start in (("train", 0), ("val", 100), ("test", 200))
    }
    data = data_of(paths["train"], val_path=paths["val"], test_path=paths["test"])
    assert row_numbers(data, "train") == list(range(10))
    assert row_numbers(data, "val") == list(range(100, 110))
    assert row_numbers(data, "test") == list(range(200, 210))


def test_with_a_test_file_alone_validation_is_cut_from_the_training_file(write: Write) -> None:
    lines = [f"{i},{'ab'[i % 2]}" for i in range(20)]
    data = data_of(write(["row,y", *lines]), test_path=write(["row,y", *lines[:4]], "test.csv"), val=0.2)
    assert data.setup() is None
    assert data.facts["examples"] == {"train": 16, "val": 4, "test": 4}


def test_a_split_file_without_a_column_is_named(write: Write) -> None:
    main = write(["a,b,c,y", *(f"{i},{i},{i},{'uv'[i % 2]}" for i in range(20))])
    with pytest.raises(DataError, match=r"test.csv: columns 'a', 'c' missing"):
        CSV(main, "y", test_path=write(["b,y", "1,u"], "test.csv")).setup()


def test_a_class_that_only_a_split_file_has_is_named(write: Write) -> None:
    main = write(["a,y", *(f"{i},{'uv'[i % 2]}" for i in range(20))])
    with pytest.raises(DataError, match=r"val.csv, line 3, column 'y': class 'w' is not in the training data"):
        CSV(main, "y", val_path=write(["a,y", "1,u", "2,w"], "val.csv")).setup()


def test_a_column_of_marks_and_files_of_their_own_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="split_column"):
        CSV("a.csv", "y", split_column="part", test_path="b.csv")
