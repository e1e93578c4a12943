"""Which sources train, validate and test."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from zoo.data.pairs.corpus import Listed
from zoo.data.pairs.cut import Cut, check_share, cut_corpus
from zoo.errors import ConfigError, DataError

#: A thousand sources, every third of them with two or three targets.
TEXTS = [(f"word{n}", f"said{n}.{k}") for n in range(1000) for k in range(1 + (n % 3 == 0) + (n % 6 == 0))]
SOURCES = {source for source, _ in TEXTS}


def parts(cut: Cut) -> dict[str, str]:
    return {source: cut.split(source) for source in SOURCES}


@pytest.mark.parametrize(
    ("val", "test"), [(0.1, 0.2), (100, 0.05), (1, 1), (0, 7), (0.001, 0), (0.0001, 998), (0, 0), (0.5, 0.499)]
)
def test_splits_have_the_sizes_asked_for_counted_in_sources(val: float, test: float) -> None:
    sizes = Counter(parts(cut_corpus(Listed("x", TEXTS), val=val, test=test, seed=0)).values())
    wanted = [math.ceil(share * 1000) if share < 1 else share for share in (val, test)]
    assert [sizes["val"], sizes["test"]] == wanted
    assert sizes["train"] == 1000 - sum(wanted)


def test_a_split_depends_on_the_text_and_the_seed_alone() -> None:
    shuffled = random.Random(0).sample(TEXTS, len(TEXTS))
    one, other = (parts(cut_corpus(Listed("x", texts), val=0.1, test=0.1, seed=5)) for texts in (TEXTS, shuffled))
    assert one == other
    assert one != parts(cut_corpus(Listed("x", TEXTS), val=0.1, test=0.1, seed=6))


def test_what_is_held_out_is_a_fair_sample() -> None:
    cut = cut_corpus(Listed("x", TEXTS), val=0, test=200, seed=1)
    place = [n for n in range(1000) if cut.split(f"word{n}") == "test"]
    # The mean of 200 of 0 ... 999 without replacement: 499.5, with a standard deviation of 18.3.
    assert abs(sum(place) / 200 - 499.5) < 4 * 18.3


def test_a_new_pair_moves_few_others() -> None:
    grown = [*TEXTS, *((f"new{n}", "x") for n in range(10))]
    one, other = (parts(cut_corpus(Listed("x", texts), val=0.1, test=0.1, seed=5)) for texts in (TEXTS, grown))
    assert sum(one[source] != other[source] for source in SOURCES) <= 20


@pytest.mark.parametrize(("val", "test"), [(500, 500), (0.5, 500), (0, 1000), (2000, 0)])
def test_nothing_left_to_train_on_is_refused(val: float, test: float) -> None:
    with pytest.raises(DataError, match=r"x: 1,000 different sources, too few for data\.val=.* make those smaller"):
        cut_corpus(Listed("x", TEXTS), val=val, test=test, seed=0)


@pytest.mark.parametrize("share", [-0.1, 1.5, math.inf, math.nan])
def test_what_is_neither_a_fraction_nor_a_number_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match=r"data\.val: .*; give a fraction below 1, or a whole number of sources"):
        check_share("data.val", share)


@pytest.mark.parametrize("share", [0, 0.5, 1, 2.0, 1e6])
def test_fractions_and_numbers_are_taken(share: float) -> None:
    check_share("data.val", share)
