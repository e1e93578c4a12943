"""Pairs against the conformance kit."""

from __future__ import annotations

import io
from typing import Any

import pytest

import zoo.testing


@pytest.mark.parametrize("name", ["Copy", "Reverse"])
def test_synthetic_pairs_conform(name: str) -> None:
    report = zoo.testing.check_data(
        f"zoo.data.pairs.synthetic:{name}",
        config={"train": 60, "val": 10, "test": 10},
        source=lambda: io.StringIO("a b c\nd e\n"),
    )
    assert report["reads_for_prediction"].status == "passed"
    assert report["splits_disjoint"].status == "passed"


@pytest.mark.parametrize(
    "options", [{"tokenizer": "space"}, {"vocab_size": 60, "model_type": "bpe", "subword_sampling": 0.1}], ids=str
)
def test_pairs_from_files_conform(options: dict[str, Any], table: str) -> None:
    report = zoo.testing.check_data(
        "zoo.data.pairs.pairs:PairFiles", config={"path": table, **options}, source=lambda: io.StringIO("ka ra\nnie\n")
    )
    assert report["reads_for_prediction"].status == "passed"
