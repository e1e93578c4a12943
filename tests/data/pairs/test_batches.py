"""Batches of pairs: sizes, padding, ranks, and going on within an epoch."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from zoo.data.pairs.pairs import PairFiles
from zoo.data.text import PADDING
from zoo.harness.batches import batches_of


def ready(**options: Any) -> PairFiles:
    data = PairFiles(**{"tokenizer": "space", **options})
    data.setup()
    return data


@pytest.mark.parametrize("limit", [8, 40, 200, 100_000])
def test_batches_of_tokens_have_no_more_positions_than_asked_for(limit: int, table: str) -> None:
    data = ready(path=table, batch_size=limit)
    for split, shuffle in (("train", True), ("test", False)):
        dataset = data.dataset(split)
        batches = data.batches(split, shuffle=shuffle, seed=0, epoch=3)
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(dataset)))
        for batch in batches:
            inputs, target, _ = dataset.__getitems__(batch.tolist())
            assert max(inputs["source"].numel(), target.numel()) <= limit or len(batch) == 1


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_batches_of_sentences_have_no_more_of_them_than_asked_for(limit: int, table: str) -> None:
    data = ready(path=table, batch_unit="sentences", batch_size=limit)
    batches = data.batches("train", shuffle=True, seed=0, epoch=0)
    assert max(map(len, batches)) <= limit
    assert len(batches) == math.ceil(len(data.dataset("train")) / limit)


def test_the_share_of_padding_is_said_and_true(table: str) -> None:
    data = ready(path=table, batch_size=300)
    dataset = data.dataset("train")
    padding = positions = 0
    batches = data.batches("train", shuffle=True, seed=0, epoch=0)
    for batch in batches:
        inputs, target, _ = dataset.__getitems__(batch.tolist())
        for tensor in (inputs["source"], target):
            padding += int((tensor == PADDING).sum())
            positions += tensor.numel()
    (note,) = [note for note in data.notes if "padding" in note]
    found = re.fullmatch(r"train: (\d+) pairs in (\d+) batches, ([\d.]+)% padding", note)
    assert found is not None
    assert [int(found[1]), int(found[2])] == [len(dataset), len(batches)]
    assert float(found[3]) == pytest.approx(100 * padding / positions, abs=0.06)


def test_batches_are_a_function_of_seed_and_epoch_alone(table: str) -> None:
    def plan(data: PairFiles, seed: int, epoch: int) -> list[list[int]]:
        return [batch.tolist() for batch in data.batches("train", shuffle=True, seed=seed, epoch=epoch)]

    one, other = ready(path=table, batch_size=100), ready(path=table, batch_size=100)
    first = plan(one, 1, 5)
    plan(one, 2, 7)
    np.random.default_rng(0).random(5)
    assert plan(one, 1, 5) == first == plan(other, 1, 5)
    assert plan(one, 1, 6) != first != plan(one, 2, 5)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_ranks_share_an_epoch_without_loss(world: int, table: str) -> None:
    """Every training pair once, but for the few batches that make the ranks even; every test example exactly once."""
    data = ready(path=table, batch_size=60, test=70)
    for split, shuffle in (("train", True), ("test", False)):
        ranks = [
            list(batches_of(data, split, shuffle=shuffle, seed=2, rank=rank, world=world)) for rank in range(world)
        ]
        assert len({len(batches) for batches in ranks}) == 1
        counts = Counter(index for batches in ranks for batch in batches for index in batch)
        assert set(counts) == set(range(len(data.dataset(split))))
        whole = {tuple(batch.tolist()) for batch in data.batches(split, shuffle=shuffle, seed=2, epoch=0)}
        dealt = Counter(tuple(batch) for batches in ranks for batch in batches if batch)
        assert set(dealt) == whole
        repeated = sum(dealt.values()) - len(whole)
        assert repeated == (-len(whole) % world if shuffle else 0)


@pytest.mark.parametrize("rank", [0, 1])
def test_an_epoch_goes_on_where_it_stopped(rank: int, table: str) -> None:
    data = ready(path=table, batch_size=60)
    whole = batches_of(data, "train", shuffle=True, seed=2, rank=rank, world=2)
    whole.start_at(3, 0)
    every = list(whole)
    resumed = batches_of(ready(path=table, batch_size=60), "train", shuffle=True, seed=2, rank=rank, world=2)
    for start in (1, len(every) // 2, len(every)):
        resumed.start_at(3, start)
        assert list(resumed) == every[start:]
        assert all(batch.epoch == 3 for batch in resumed)  # type: ignore[attr-defined]
