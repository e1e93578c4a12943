"""Batches by length: what every plan keeps, and how much padding it has."""

from __future__ import annotations

import gzip
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zoo.data.text import TokenizerOptions, padding_share, token_batches

Lengths = NDArray[Any]
Batches = list[NDArray[np.int64]]


def translations(examples: int, seed: int = 0, middle: float = 3.0) -> tuple[Lengths, Lengths]:
    """Lengths as of translated sentences: log-normal, and the target near the source."""
    rng = np.random.default_rng(seed)
    source = np.clip(np.rint(np.exp(rng.normal(middle, 0.5, examples))), 1, 200)
    target = np.clip(np.rint(source * np.exp(rng.normal(0, 0.2, examples))), 1, 200)
    return source.astype(np.int32), target.astype(np.int32)


CORPORA = {
    "one": (np.array([7]), np.array([9])),
    "two": (np.array([7, 90]), np.array([9, 2])),
    "three": translations(3),
    "seventeen": translations(17),
    "hundreds": translations(407),
    "thousands": translations(5003),
    "characters": translations(3000, middle=4.3),
    "all the same": (np.full(1001, 12), np.full(1001, 12)),
    "unrelated": (translations(2000, 1)[0], translations(2000, 2)[1]),
    "one very long": (np.array([5] * 300 + [5000]), np.array([5] * 301)),
    "two bytes": tuple(lengths.astype(np.uint16) for lengths in translations(900)),
}
LIMITS: list[dict[str, int]] = [
    {"tokens": 1},
    {"tokens": 150},
    {"tokens": 1024},
    {"tokens": 4096},
    {"tokens": 10**9},
    {"sentences": 1},
    {"sentences": 2},
    {"sentences": 64},
    {"sentences": 10**9},
    {"tokens": 2048, "sentences": 20},
]
every_corpus = pytest.mark.parametrize("lengths", CORPORA.values(), ids=CORPORA.keys())
every_limit = pytest.mark.parametrize("limit", LIMITS, ids=str)


def plans(lengths: tuple[Lengths, Lengths], limit: dict[str, int]) -> list[Batches]:
    shuffled = [token_batches(*lengths, **limit, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in range(6)]
    return [*shuffled, token_batches(*lengths, **limit, shuffle=False)]


@every_limit
@every_corpus
def test_every_example_is_in_one_batch(lengths: tuple[Lengths, Lengths], limit: dict[str, int]) -> None:
    for batches in plans(lengths, limit):
        assert sorted(index for batch in batches for index in batch.tolist()) == list(range(len(lengths[0])))
        assert min(map(len, batches)) > 0


@every_limit
@every_corpus
def test_no_batch_is_over_its_limits_but_for_a_single_sentence(
    lengths: tuple[Lengths, Lengths], limit: dict[str, int]
) -> None:
    for batch in [batch for batches in plans(lengths, limit) for batch in batches]:
        positions = len(batch) * max(int(side[batch].max()) for side in lengths)
        assert positions <= limit.get("tokens", 10**9) or len(batch) == 1
        assert len(batch) <= limit.get("sentences", 10**9)


@every_limit
@every_corpus
def test_every_epoch_of_every_seed_has_as_many_batches(lengths: tuple[Lengths, Lengths], limit: dict[str, int]) -> None:
    assert len({len(batches) for batches in plans(lengths, limit)[:-1]}) == 1


def test_as_many_batches_even_where_noise_changes_a_lot() -> None:
    for seed in range(30):
        lengths = translations(60 + seed, seed)
        for tokens in (200, 301, 500):
            numbers = {len(token_batches(*lengths, tokens=tokens, seed=1, epoch=epoch)) for epoch in range(40)}
            assert len(numbers) == 1


@pytest.mark.parametrize("limit", [{"tokens": 1000}, {"sentences": 32}, {"tokens": 1000, "sentences": 16}], ids=str)
def test_a_plan_is_a_function_of_its_arguments(limit: dict[str, int]) -> None:
    lengths = translations(2000)
    first, again = (token_batches(*lengths, **limit, seed=3, epoch=5) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    other_type = token_batches(*(side.astype(np.uint8) for side in lengths), **limit, seed=3, epoch=5)
    assert all(np.array_equal(one, other) for one, other in zip(first, other_type, strict=True))


def met_again(one: Batches, other: Batches) -> float:
    """Share of the pairs of examples in a common batch that are in a common batch of the other plan, too."""
    pairs = [
        {pair for batch in batches for pair in combinations(sorted(batch.tolist()), 2)} for batches in (one, other)
    ]
    return len(pairs[0] & pairs[1]) / len(pairs[0])


@pytest.mark.parametrize("change", [{"epoch": 1}, {"seed": 1}])
@pytest.mark.parametrize("limit", [{"tokens": 1024}, {"sentences": 32}], ids=str)
def test_batches_differ_every_epoch(limit: dict[str, int], change: dict[str, int]) -> None:
    lengths = translations(5000)
    first = token_batches(*lengths, **limit)
    other = token_batches(*lengths, **limit, **change)
    assert met_again(first, other) < 0.35
    assert [len(batch) for batch in first] != [len(batch) for batch in other] or "sentences" in limit


def test_short_and_long_batches_come_in_random_order() -> None:
    lengths = translations(5000)
    batches = token_batches(*lengths, tokens=1024)
    means = [lengths[0][batch].mean() for batch in batches]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.25


@pytest.mark.parametrize("limit", [{"tokens": 1024}, {"sentences": 32}], ids=str)
def test_for_evaluation_the_longest_come_first_and_the_order_is_always_the_same(limit: dict[str, int]) -> None:
    lengths = translations(3000)
    batches, again = (token_batches(*lengths, **limit, shuffle=False, seed=seed, epoch=seed) for seed in (0, 1))
    assert all(np.array_equal(one, other) for one, other in zip(batches, again, strict=True))
    means = np.array([lengths[0][batch].mean() for batch in batches])
    assert (np.diff(means) < 2).all()
    assert means[0] > 3 * means[-1]


def test_sources_alone_are_sorted_strictly() -> None:
    source = translations(1000)[0]
    order = np.concatenate(token_batches(source, sentences=10, shuffle=False))
    assert (np.diff(source[order]) <= 0).all()


@pytest.mark.parametrize("shuffle", [True, False])
def test_no_batch_of_one_where_it_can_be_avoided(shuffle: bool) -> None:
    for seed in range(40):
        lengths = translations(100 + seed, seed)
        limits = [{"tokens": 8 * int(max(side.max() for side in lengths))}, {"sentences": 9}, {"sentences": 3}]
        for limit in limits:
            batches = token_batches(*lengths, **limit, shuffle=shuffle, epoch=seed)
            assert min(map(len, batches)) > 1, (seed, limit)


def test_of_sentences_batches_are_as_few_and_as_even_as_can_be() -> None:
    sizes = sorted(len(batch) for batch in token_batches(*translations(1001), sentences=64))
    assert len(sizes) == 16
    assert sizes[-1] - sizes[0] <= 1


def test_batches_are_nearly_full() -> None:
    lengths = translations(20_000)
    batches = token_batches(*lengths, tokens=4096)
    at_least = np.maximum(*lengths).sum() / 4096
    assert len(batches) < 1.15 * at_least


@pytest.mark.parametrize("examples", [0, 1])
def test_nothing_makes_no_batches(examples: int) -> None:
    lengths = np.full(examples, 3)
    for shuffle in (True, False):
        assert len(token_batches(lengths, lengths, tokens=10, shuffle=shuffle)) == examples


@pytest.mark.parametrize(
    ("limit", "problem"), [({}, "limit"), ({"tokens": 0}, "tokens=0"), ({"sentences": -1}, "sentences=-1")]
)
def test_limits_that_cannot_be_are_refused(limit: dict[str, int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        token_batches(np.ones(3, np.int64), **limit)


def test_lengths_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="3 sources and 4 targets"):
        token_batches(np.ones(3, np.int64), np.ones(4, np.int64), tokens=10)


# Padding.


def share_by_counting(batches: Batches, *sides: Lengths) -> float:
    real = padding = 0
    for batch in batches:
        for side in sides:
            longest = max(side[index] for index in batch)
            for index in batch:
                real += int(side[index])
                padding += int(longest - side[index])
    return padding / (real + padding)


def test_padding_share_is_the_share_of_padding() -> None:
    source, target = translations(500)
    order = np.random.default_rng(0).permutation(500)
    batches = [order[:100], order[100:101], order[101:450], order[450:]]
    assert padding_share(batches, source, target) == pytest.approx(share_by_counting(batches, source, target))
    assert padding_share(batches, source) == pytest.approx(share_by_counting(batches, source))
    empty = [order[:0], *batches, order[:0]]  # a rank may have empty batches
    assert padding_share(empty, source, target) == padding_share(batches, source, target)


@pytest.mark.parametrize("batches", [[], [np.array([], np.int64)]])
def test_no_batch_has_no_padding(batches: Batches) -> None:
    assert padding_share(batches, np.ones(3, np.int64)) == 0.0


@pytest.mark.parametrize("limit", [{"tokens": 1024}, {"tokens": 4096}, {"sentences": 64}], ids=str)
@pytest.mark.parametrize("corpus", ["translations", "characters", "words"])
def test_a_batch_has_little_padding(corpus: str, limit: dict[str, int]) -> None:
    source, target = translations(60_000, middle=4.3 if corpus == "characters" else 3.0)
    if corpus == "words":  # as short as a pronunciation
        source, target = np.clip(source // 4, 2, 15), np.clip(target // 4, 2, 15)
    for epoch in range(3):
        assert padding_share(token_batches(source, target, **limit, epoch=epoch), source, target) < 0.1


@pytest.mark.parametrize("kind", ["sentencepiece", "space", "char"])
def test_multi30k_has_less_than_a_tenth_of_padding(kind: Any, real_data: Path) -> None:
    def lengths(language: str) -> Lengths:
        with gzip.open(real_data / "multi30k" / f"train.{language}.gz", "rt", encoding="utf-8") as file:
            lines = file.read().splitlines()
        return TokenizerOptions(kind=kind).fit(lines).encode_lines(lines)[1] + 1

    sides = lengths("de"), lengths("en")
    for limit in ({"tokens": 4096}, {"tokens": 1024}, {"sentences": 64}, {"sentences": 128}):
        shares = [padding_share(token_batches(*sides, **limit, epoch=epoch), *sides) for epoch in range(2)]
        shares.append(padding_share(token_batches(*sides, **limit, shuffle=False), *sides))
        print(kind, limit, [f"{share:.3f}" for share in shares])
        assert max(shares) < 0.1
