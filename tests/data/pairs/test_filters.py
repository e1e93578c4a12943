"""Which training pairs are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.data.pairs.pairs import PairFiles

Rows = list[tuple[str, str]]


def uneven(write: Callable[..., str]) -> tuple[str, Rows]:
    """All pairs of 1 to 6 tokens with 1 to 6 tokens."""
    rows = [
        (" ".join(f"s{a}" for _ in range(a)), " ".join(f"t{b}" for _ in range(b)))
        for a in range(1, 7)
        for b in range(1, 7)
    ]
    return write([f"{source}\t{target}" for source, target in rows], "x.tsv"), rows


@pytest.mark.parametrize(
    ("length", "ratio"), [(None, None), (4, None), (1, None), (None, 1.5), (None, 2), (4, 2), (3, 1.01), (6, 6)]
)
def test_pairs_too_long_or_too_uneven_do_not_train_and_are_counted(
    length: int | None, ratio: float | None, write: Any
) -> None:
    path, rows = uneven(write)
    data = PairFiles(path=path, tokenizer="space", val=0, test=0, max_length=length, max_ratio=ratio)
    data.setup()
    kept, dropped = [], Counter[str]()
    for source, target in rows:
        low, high = sorted((len(source.split()), len(target.split())))
        if length is not None and high > length:
            dropped["longer"] += 1
        elif ratio is not None and high / low > ratio:
            dropped["uneven"] += 1
        else:
            kept.append(target)
    train = data.dataset("train")
    assert [data.decode(train.target[row].tolist()) for row in range(len(train))] == kept
    assert len(train) == len(kept) == data.facts["examples"]["train"]
    notes = [note for note in data.notes if "left out" in note]
    expected = []
    if dropped["longer"]:
        expected.append(
            f"train: {dropped['longer']} of 36 pairs left out: longer than {length} token{'s' * (length != 1)}"
        )
    if dropped["uneven"]:
        expected.append(
            f"train: {dropped['uneven']} of 36 pairs left out: one side more than {ratio:g} times longer than the other"
        )
    assert notes == expected


def test_what_is_evaluated_is_never_left_out(write: Any) -> None:
    path, rows = uneven(write)
    data = PairFiles(path=path, test_path=path, tokenizer="space", val=0, max_length=1)
    data.setup()
    assert data.facts["examples"]["train"] == 1
    assert sum(map(len, data.references("test"))) == len(rows)


def test_lengths_are_those_of_the_tokens_chosen(write: Any) -> None:
    path = write(["ab cd\tx", "a\tx"], "x.tsv")
    sizes = []
    for tokenizer in ("space", "char"):
        data = PairFiles(path=path, tokenizer=tokenizer, val=0, test=0, max_length=3)  # type: ignore[arg-type]
        data.setup()
        sizes.append(len(data.dataset("train")))
    assert sizes == [2, 1]


def test_another_filter_is_never_served_from_the_cache(write: Any) -> None:
    path = write([f"{'a ' * 4}\t{'b ' * 400001}", "a\tb"], "x.tsv")
    sizes = []
    for ratio in (100000.1, 100000.3):  # told apart by the seventh digit
        data = PairFiles(path=path, tokenizer="space", val=0, test=0, max_ratio=ratio)
        data.setup()
        sizes.append(len(data.dataset("train")))
    assert sizes == [1, 2]


def test_leaving_everything_out_is_an_error(write: Any, tmp_path: Path) -> None:
    from zoo.errors import DataError

    path = write(["a b\tc", "a b c\td"], "x.tsv")
    for options in ({"max_length": 1}, {"max_ratio": 1.5}):
        with pytest.raises(DataError, match=r"x\.tsv: all training pairs are left out; raise data\.max_length or"):
            PairFiles(path=path, tokenizer="space", val=0, test=0, **options).setup()  # type: ignore[arg-type]
