"""What is held out, and whether it was trained on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zoo.data.pairs.pairs import PairFiles
from zoo.errors import DataError

Write = Callable[..., str]


def warnings(data: PairFiles) -> list[str]:
    data.setup()
    return [note for note in data.notes if "also in the training data" in note]


def test_sources_of_the_test_that_are_trained_on_are_warned_of_with_their_number(write: Write) -> None:
    train = write([f"w{n}\tt{n}" for n in range(50)], "train.tsv")
    # w3 twice (one source), w7 once with another target, and two that are new.
    test = write(["new\tx", "w7\tother", "w3\tt3", "also new\tx", "w3\tt"], "test.tsv")
    found = warnings(PairFiles(path=train, test_path=test, val=0, tokenizer="space"))
    assert found == [
        "2 of 4 test sources are also in the training data, flattering the model; "
        f"the first in {test}, line 2 and {train}, line 8"
    ]
    every_line = PairFiles(path=train, test_path=test, val=0, tokenizer="space", group=False)
    assert "3 of 5 test sources" in warnings(every_line)[0]


def test_texts_that_only_look_the_same_overlap(write: Write) -> None:
    train = write(["u\u0308ber  uns\tabout us", "b\tb"], "train.tsv")
    test = write(["\u00fcber uns\tabout us"], "test.tsv")
    assert len(warnings(PairFiles(path=train, val_path=test, test=0, tokenizer="space"))) == 1


def test_what_is_cut_from_the_training_pairs_is_not_trained_on(write: Write) -> None:
    """Sources in the test file that are held out for validation are not in the training data."""
    train = write([f"w{n}\tt{n}" for n in range(50)], "train.tsv")
    data = PairFiles(path=train, test_path=train, val=10, tokenizer="space")
    assert "40 of 50 test sources" in warnings(data)[0]
    apart = PairFiles(path=train, val=10, test=10, tokenizer="space")
    assert warnings(apart) == []
    texts = [set(apart.sources(split)) for split in ("train", "val", "test")]
    assert [len(one) for one in texts] == [30, 10, 10]
    assert len(set.union(*texts)) == 50


def test_both_splits_are_looked_at(write: Write) -> None:
    train = write(["a\tx", "b\ty", "c\tz"], "train.tsv")
    val, test = write(["a\tx"], "val.tsv"), write(["d\tx", "c\ty"], "test.tsv")
    found = warnings(PairFiles(path=train, val_path=val, test_path=test, tokenizer="space"))
    assert [note.split(" sources")[0] for note in found] == ["1 of 1 val", "1 of 2 test"]


@pytest.mark.parametrize("name", ["", "val_", "test_"])
def test_a_file_without_pairs_is_an_error(name: str, write: Write) -> None:
    paths = {"path": write(["s\tt", "a\tb", "c\td"], "train.tsv")}
    paths |= {f"{name}path": write(["s\tt"], "none.tsv")}
    with pytest.raises(DataError, match=r"none\.tsv: has no pairs; check the file"):
        PairFiles(**paths, header=True, val=0, test=0, tokenizer="space").setup()  # type: ignore[arg-type]


def test_pairs_left_out_as_empty_are_counted_by_file(write: Write) -> None:
    train = write(["a\tb", "", "c\t", "e\tf"], "train.tsv")
    test = write(["g\th", "\ti"], "test.tsv")
    data = PairFiles(path=train, test_path=test, val=0, tokenizer="space", skip_empty=True)
    data.setup()
    assert data.notes[:2] == [
        f"{train}: 2 pairs left out because a side is empty",
        f"{test}: 1 pair left out because a side is empty",
    ]
