"""Batches, what a checkpoint keeps, and prediction on new files."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.data.csv import CSV
from zoo.errors import DataError

Write = Callable[..., str]
TRAIN = ["age,city,member,y", *(f"{20 + i},{'AB'[i % 2]},{i % 3 == 0},{['no', 'yes'][i % 2]}" for i in range(60))]


def rows(dataset: Any) -> Any:
    return dataset.__getitems__(list(range(len(dataset))))


def trained(write: Write, **options: Any) -> CSV:
    data = CSV(write(TRAIN), "y", seed=0, **options)
    data.setup()
    return data


def restored(data: CSV, tmp_path: Path, path: str = "gone.csv", **options: Any) -> CSV:
    """The state through a checkpoint into a new object that knows no training data."""
    torch.save(data.state_dict(), tmp_path / "state.pt")
    new = CSV(path, "y", seed=0, **options)
    new.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    return new


def plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and plain(entry) for key, entry in value.items())
    if isinstance(value, list):
        return all(plain(entry) for entry in value)
    return type(value) in (str, int, float, bool, type(None))


def test_a_batch_is_the_rows_one_by_one(write: Write) -> None:
    data = trained(write)
    for split in ("train", "val", "test", "all"):
        dataset = data.dataset(split)
        inputs, targets = dataset.__getitems__([3, 0, 3])
        assert inputs.dtype == torch.float32
        for place, index in enumerate((3, 0, 3)):
            one, target = dataset[index]
            assert torch.equal(inputs[place], one)
            assert torch.equal(targets[place], target)


def test_batches_go_through_a_loader_with_workers(write: Write) -> None:
    dataset = trained(write).dataset("train")
    batches = list(torch.utils.data.DataLoader(dataset, batch_size=16, collate_fn=dataset.collate, num_workers=1))
    assert torch.equal(torch.cat([inputs for inputs, _ in batches]), rows(dataset)[0])


def test_a_row_past_the_end_is_an_index_error(write: Write) -> None:
    dataset = trained(write).dataset("val")
    with pytest.raises(IndexError):
        dataset[len(dataset)]
    assert torch.equal(dataset[-1][0], dataset[len(dataset) - 1][0])


def test_setup_twice_changes_nothing(write: Write) -> None:
    data = trained(write)
    before = data.dataset("train")
    data.setup()
    assert data.dataset("train") is before


def test_facts_and_state_are_plain_data(write: Write) -> None:
    data = trained(write, transform="quantile")
    assert plain(data.facts)
    assert plain(data.state_dict())


def test_a_loaded_state_predicts_without_the_training_data(write: Write, tmp_path: Path) -> None:
    data = trained(write)
    new = restored(data, tmp_path)
    assert new.facts == data.facts
    assert torch.equal(rows(new.read(write(TRAIN, "again.csv"))), rows(data.dataset("all"))[0])


def test_a_loaded_state_gives_the_same_splits_on_the_same_file(write: Write, tmp_path: Path) -> None:
    data = trained(write)
    new = restored(data, tmp_path, data.path)
    for split in ("train", "val", "test", "all"):
        for ours, theirs in zip(rows(data.dataset(split)), rows(new.dataset(split)), strict=True):
            assert torch.equal(ours, theirs)


def test_a_loaded_state_is_not_refitted_on_another_file(write: Write, tmp_path: Path) -> None:
    data = trained(write)
    other = write(["y,age,city,member", "yes,1000,B,True", "no,2000,Z,False"], "other.csv")
    new = restored(data, tmp_path, other)
    new.setup()
    assert new.state_dict() == data.state_dict()
    inputs, targets = rows(new.dataset("all"))
    assert torch.equal(inputs, rows(data.read(other)))
    assert targets.tolist() == [1, 0]
    assert "1 row has a category never seen in training in column 'city'" in new.notes


def test_a_single_row_of_a_single_class_can_be_evaluated(write: Write, tmp_path: Path) -> None:
    new = restored(trained(write), tmp_path, write(["age,city,member,y", "30,A,True,yes"], "one.csv"))
    assert rows(new.dataset("all"))[1].tolist() == [1]
    with pytest.raises(DataError, match="too few"):
        new.dataset("test")


def test_evaluating_a_class_that_training_did_not_know_is_refused(write: Write, tmp_path: Path) -> None:
    other = write(["age,city,member,y", "30,A,True,yes", "30,A,True,maybe"], "other.csv")
    with pytest.raises(DataError, match=r"other.csv, line 3, column 'y': class 'maybe' .*known: 'no', 'yes'"):
        restored(trained(write), tmp_path, other).setup()


def test_evaluating_without_the_target_is_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'y' missing"):
        restored(trained(write), tmp_path, write(["age,city,member", "30,A,True"], "other.csv")).setup()


def test_class_numbers_written_as_floats_in_a_new_file_are_the_same_classes(write: Write, tmp_path: Path) -> None:
    data = CSV(write(["x,y", *(f"{i},{i % 2 + 1}" for i in range(30))]), "y")
    data.setup()
    new = restored(data, tmp_path, write(["x,y", "1,2.0", "2,1.0"], "floats.csv"))
    assert rows(new.dataset("all"))[1].tolist() == [1, 0]


def test_texts_that_look_like_booleans_stay_the_class_they_are(write: Write, tmp_path: Path) -> None:
    data = CSV(write(["x,y", *(f"{i},{('true', 'maybe')[i % 2]}" for i in range(30))]), "y")
    data.setup()
    new = restored(data, tmp_path, write(["x,y", "1,true", "2,true"], "true.csv"))
    assert rows(new.dataset("all"))[1].tolist() == [1, 1]


def test_a_category_that_is_a_number_in_the_new_file_is_the_same_category(write: Write) -> None:
    data = CSV(write(["size,y", *(f"{('10', 'L', 'S')[i % 3]},{'uv'[i % 2]}" for i in range(60))]), "y")
    data.setup()
    assert data.facts["feature_names"] == ["size=10", "size=L", "size=S"]
    assert rows(data.read(io.StringIO("size\n10\n10\n"))).tolist() == [[1, 0, 0], [1, 0, 0]]


def test_prediction_takes_columns_in_any_order_and_ignores_others(write: Write) -> None:
    data = trained(write)
    expected = rows(data.read(io.StringIO("age,city,member\n30,A,True\n40,B,False\n")))
    assert data.notes == []
    changed = data.read(io.StringIO("id,member,city,age\n7,True,A,30\n8,False,B,40\n"))
    assert torch.equal(rows(changed), expected)
    assert data.notes == ["columns that training did not have are ignored: 'id'"]


def test_prediction_names_every_missing_column(write: Write) -> None:
    with pytest.raises(DataError, match=r"columns 'age', 'member' missing; the file has 'city', 'y'"):
        trained(write).read(write(["city,y", "A,yes"], "new.csv"))


def test_prediction_notes_unknown_categories_and_unexpected_gaps(write: Write) -> None:
    data = trained(write)
    inputs = rows(data.read(io.StringIO("age,city,member\n,A,True\n30,C,True\n30,D,True\n")))
    assert inputs[1, 1:3].tolist() == [0, 0]
    assert any(note.startswith("2 rows have a category never seen") for note in data.notes)
    assert any(note.startswith("1 row has no value in column 'age'") for note in data.notes)


def test_notes_are_those_of_the_last_file(write: Write) -> None:
    data = trained(write)
    for _ in range(2):
        data.read(io.StringIO("age,city,member\n30,C,True\n"))
        assert len(data.notes) == 1
    data.read(io.StringIO("age,city,member\n30,A,True\n"))
    assert data.notes == []


def test_prediction_names_text_in_a_numeric_column(write: Write) -> None:
    with pytest.raises(DataError, match=r"new.csv, line 3, column 'age': 'old' is not a number"):
        trained(write).read(write(["age,city,member", "30,A,True", "old,A,True"], "new.csv"))


def test_prediction_names_the_value_that_is_no_boolean(write: Write) -> None:
    with pytest.raises(DataError, match=r"new.csv, line 3, column 'member': 'perhaps' is not a number"):
        trained(write).read(write(["age,city,member", "30,A,True", "30,A,perhaps"], "new.csv"))


def test_prediction_on_no_rows_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="has a header and no rows"):
        trained(write).read(write(["age,city,member"], "new.csv"))


def test_prediction_on_nothing_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="is empty"):
        trained(write).read(io.StringIO(""))


@pytest.mark.parametrize("target", [0, 2])
def test_without_a_header_a_new_file_may_lack_the_target(write: Write, target: int) -> None:
    def line(i: int, with_target: bool) -> str:
        cells = [str(i), "AB"[i % 2]]
        return ",".join([*cells[:target], "uv"[i % 2], *cells[target:]] if with_target else cells)

    data = CSV(write([line(i, True) for i in range(40)]), target, header=False)
    data.setup()
    with_target = rows(data.read(write([line(i, True) for i in range(5)], "with.csv")))
    without = rows(data.read(write([line(i, False) for i in range(5)], "without.csv")))
    assert torch.equal(with_target, without)
    with pytest.raises(DataError, match="4 columns, expected 3 or 2"):
        data.read(write(["1,2,3,4"], "other.csv"))


def test_an_unknown_split_is_an_error(write: Write) -> None:
    with pytest.raises(KeyError, match="train, val, test or all"):
        trained(write).dataset("validation")


def test_nothing_is_known_before_setup() -> None:
    with pytest.raises(RuntimeError, match="setup"):
        _ = CSV("absent.csv", "y").facts


def test_datasets_can_be_sent_to_another_process(write: Write) -> None:
    dataset = trained(write).dataset("val")
    copy = pickle.loads(pickle.dumps(dataset))
    assert torch.equal(rows(copy)[0], rows(dataset)[0])
