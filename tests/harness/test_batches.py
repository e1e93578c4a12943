"""The order of examples: new every epoch, fixed by the seed, shared out over ranks."""

from __future__ import annotations

from itertools import chain, product

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from zoo.errors import ZooError
from zoo.harness.batches import Batches, PlannedBatches, batches_of, loader_of

SIZES = [(examples, size) for examples, size in product((0, 1, 2, 3, 7, 8, 9, 20, 31, 101), (1, 2, 3, 8, 50, 200))]


def epoch_of(batches: Batches, epoch: int) -> list[list[int]]:
    batches.set_epoch(epoch)
    return list(batches)


def test_training_order_differs_between_epochs() -> None:
    batches = Batches(50, 10, shuffle=True)
    orders = [tuple(chain.from_iterable(epoch_of(batches, epoch))) for epoch in range(5)]
    assert len(set(orders)) == 5


def test_training_order_is_a_function_of_seed_and_epoch() -> None:
    one, other = Batches(50, 10, shuffle=True, seed=3), Batches(50, 10, shuffle=True, seed=3)
    epoch_of(other, 1)
    assert epoch_of(one, 4) == epoch_of(other, 4)
    assert epoch_of(one, 4) != epoch_of(Batches(50, 10, shuffle=True, seed=4), 4)


def test_training_order_ignores_the_random_state_of_the_process() -> None:
    batches = Batches(50, 10, shuffle=True)
    torch.manual_seed(1)
    first = epoch_of(batches, 0)
    torch.manual_seed(2)
    assert epoch_of(batches, 0) == first


@pytest.mark.parametrize(("examples", "size"), SIZES)
def test_every_training_example_once_an_epoch(examples: int, size: int) -> None:
    batches = Batches(examples, size, shuffle=True)
    for epoch in range(2):
        assert sorted(chain.from_iterable(epoch_of(batches, epoch))) == list(range(examples))
        assert len(epoch_of(batches, epoch)) == len(batches)


@pytest.mark.parametrize(("examples", "size"), SIZES)
def test_training_batches_have_the_size_asked_for_and_no_last_one_of_one(examples: int, size: int) -> None:
    lengths = [len(batch) for batch in Batches(examples, size, shuffle=True)]
    if size == 1:
        assert lengths == [1] * examples
        return
    assert all(length == size for length in lengths[:-1])
    if examples > size:
        assert 2 <= lengths[-1] <= size + 1


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize(("examples", "size"), SIZES)
def test_training_batches_are_dealt_out_over_ranks(examples: int, size: int, world: int) -> None:
    """Together the ranks see every example; where the batches do not divide, the first ones fill the last round."""
    ranks = [list(Batches(examples, size, shuffle=True, rank=rank, world=world)) for rank in range(world)]
    alone = list(Batches(examples, size, shuffle=True))
    assert len({len(batches) for batches in ranks}) == 1
    dealt = [batch for turn in zip(*ranks, strict=True) for batch in turn]
    assert dealt[: len(alone)] == alone
    assert len(dealt) - len(alone) < world
    assert all(batch in alone for batch in dealt[len(alone) :])


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize(("examples", "size"), SIZES)
def test_evaluation_sees_every_example_exactly_once_over_all_ranks(examples: int, size: int, world: int) -> None:
    ranks = [list(Batches(examples, size, shuffle=False, rank=rank, world=world)) for rank in range(world)]
    assert sorted(chain.from_iterable(chain.from_iterable(ranks))) == list(range(examples))
    assert len({len(batches) for batches in ranks}) == 1
    assert all(len(batch) <= size for batches in ranks for batch in batches)
    for rank, batches in enumerate(ranks):
        assert len(batches) == len(Batches(examples, size, shuffle=False, rank=rank, world=world))


def test_evaluation_keeps_the_order_of_the_data() -> None:
    assert list(chain.from_iterable(Batches(23, 5, shuffle=False))) == list(range(23))


@pytest.mark.parametrize("start", [0, 1, 4, 5])
def test_starting_within_an_epoch_leaves_out_what_is_done(start: int) -> None:
    whole, rest = Batches(50, 10, shuffle=True), Batches(50, 10, shuffle=True)
    rest.start_at(2, start)
    assert epoch_of(rest, 2) == epoch_of(whole, 2)[start:]
    assert len(rest) == len(whole), "Lightning counts from the beginning of the epoch"
    assert epoch_of(rest, 3) == epoch_of(whole, 3)


def test_a_loader_yields_batches_made_at_once_by_the_data() -> None:
    class Data:
        num_workers = 0
        collate = staticmethod(lambda batch: batch)

    class Rows(torch.utils.data.Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return 7

        def __getitem__(self, index: int) -> torch.Tensor:
            raise AssertionError("one row at a time")

        def __getitems__(self, indices: list[int]) -> torch.Tensor:
            return torch.tensor(indices)

    loader = loader_of(Data(), Rows(), Batches(7, 3, shuffle=False))
    assert isinstance(loader, DataLoader)
    assert sorted(torch.cat(list(loader)).tolist()) == list(range(7))


class Planned:
    """Data of ten examples that form their own batches, of two examples or three."""

    batch_size = 4

    def dataset(self, split: str) -> range:
        return range(10)

    def batches(self, split: str, *, shuffle: bool, seed: int, epoch: int) -> list[np.ndarray]:
        order = np.random.default_rng([seed, epoch]).permutation(10) if shuffle else np.arange(10)
        return [order[:2], order[2:5], order[5:7], order[7:]]


def test_data_that_plan_their_batches_are_taken_at_their_word() -> None:
    batches = batches_of(Planned(), "train", shuffle=True, seed=5)
    for epoch in (0, 1, 7):
        batches.set_epoch(epoch)
        expected = Planned().batches("train", shuffle=True, seed=5, epoch=epoch)
        assert list(batches) == [one.tolist() for one in expected]
        assert {batch.epoch for batch in batches} == {epoch}, "what is drawn anew each epoch can depend on it"


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_planned_training_batches_are_dealt_out_so_that_all_ranks_have_as_many(world: int) -> None:
    ranks = [list(batches_of(Planned(), "train", shuffle=True, seed=1, rank=r, world=world)) for r in range(world)]
    assert len({len(batches) for batches in ranks}) == 1
    assert len(ranks[0]) == len(batches_of(Planned(), "train", shuffle=True, seed=1, world=world))
    assert set(chain.from_iterable(chain.from_iterable(ranks))) == set(range(10))
    assert all(batch for batches in ranks for batch in batches)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_planned_evaluation_counts_every_example_once_on_any_number_of_ranks(world: int) -> None:
    ranks = [list(batches_of(Planned(), "test", shuffle=False, seed=1, rank=r, world=world)) for r in range(world)]
    assert sorted(chain.from_iterable(chain.from_iterable(ranks))) == list(range(10))
    assert len({len(batches) for batches in ranks}) == 1


def test_a_resumed_epoch_of_planned_batches_leaves_out_what_is_done() -> None:
    whole, rest = (batches_of(Planned(), "train", shuffle=True, seed=2) for _ in range(2))
    whole.set_epoch(3)
    rest.start_at(3, 2)
    rest.set_epoch(3)
    assert list(rest) == list(whole)[2:]
    assert len(rest) == len(whole)


def test_plans_of_unequal_length_are_an_error_and_not_a_shorter_epoch() -> None:
    batches = PlannedBatches(lambda epoch: [np.arange(2)] * (3 + epoch), 2, shuffle=True)
    list(batches)
    batches.set_epoch(1)
    with pytest.raises(ZooError, match="planned 3 batches for an epoch, and 4 for another"):
        list(batches)
