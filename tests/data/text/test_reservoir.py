"""A bounded sample of a stream."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from zoo.data.text.reservoir import reservoir


def test_a_short_stream_is_kept_whole() -> None:
    assert reservoir(iter("abc"), 3, seed=0) == reservoir(iter("abc"), 10, seed=1) == list("abc")


def test_a_sample_has_the_size_the_order_and_no_item_twice() -> None:
    sample = reservoir(range(1000), 100, seed=0)
    assert len(set(sample)) == 100
    assert sample == sorted(sample)


def test_the_seed_decides() -> None:
    samples = [reservoir(range(1000), 100, seed=seed) for seed in (0, 0, 1)]
    assert samples[0] == samples[1] != samples[2]


def test_every_item_is_as_likely_as_any_other() -> None:
    number = 4000
    counts = Counter(item for seed in range(number) for item in reservoir(range(20), 5, seed))
    deviation = math.sqrt(number * 0.25 * 0.75)
    assert all(abs(counts[item] - number / 4) < 5 * deviation for item in range(20))


def test_a_sample_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        reservoir([1], 0, seed=0)
