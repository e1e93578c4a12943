"""Random sequences of letters to copy or reverse."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.data.pairs.synthetic import Copy, Reverse
from zoo.errors import ConfigError

SMALL = {"train": 300, "val": 40, "test": 50, "symbols": 5, "min_length": 2, "max_length": 7}


def pairs(data: Copy) -> dict[str, dict[str, list[str]]]:
    data.setup()
    return {
        split: dict(zip(data.sources(split), data.references(split), strict=True)) for split in ("train", "val", "test")
    }


@pytest.mark.parametrize(("kind", "step"), [(Copy, 1), (Reverse, -1)])
def test_targets_are_the_sources_forwards_or_backwards(kind: type[Copy], step: int) -> None:
    data = kind(**SMALL)
    found = pairs(data)
    assert {split: len(one) for split, one in found.items()} == {"train": 300, "val": 40, "test": 50}
    assert data.facts["examples"] == {"train": 300, "val": 40, "test": 50}
    everything = {source: right for one in found.values() for source, right in one.items()}
    assert len(everything) == 390  # no sequence is in two splits
    for source, right in everything.items():
        letters = source.split(" ")
        assert [" ".join(letters[::step])] == right
        assert 2 <= len(letters) <= 7
    assert {letter for source in everything for letter in source.split()} == set("abcde")
    assert {len(source.split()) for source in everything} == set(range(2, 8))


def test_the_seed_decides() -> None:
    assert pairs(Copy(**SMALL, seed=4)) == pairs(Copy(**SMALL, seed=4)) != pairs(Copy(**SMALL, seed=5))


def test_both_sides_share_the_letters() -> None:
    data = Reverse(**SMALL)
    data.setup()
    assert data.facts["joint_vocabulary"] is True
    assert data.facts["source_vocab_size"] == data.facts["target_vocab_size"] == 4 + 5
    assert data.facts["metrics"] == ["perplexity", "token_accuracy", "exact_match"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"symbols": 2, "max_length": 3},
            r"data\.train: 5400 different sequences are too many where 14 exist; ask for less",
        ),
        ({"min_length": 5, "max_length": 3}, r"data\.min_length: 5 is more than data\.max_length=3; lower it"),
    ],
)
def test_what_cannot_be_made_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Copy(**options)
