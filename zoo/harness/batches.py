"""Which examples form which batch: a pure function of seed, epoch, rank and position."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Sampler
from torch.utils.data.dataloader import default_collate

from zoo.errors import ZooError


class IndexList(list[int]):
    """Indices of one batch, which know their epoch: what a data set draws anew each epoch can depend on it."""

    epoch = 0


class Batches(Sampler[list[int]]):
    """Index lists of one split.

    Training batches are a new permutation every epoch, the same on every rank, dealt out in turn. A last batch
    of one example joins the one before it, since batch normalisation cannot train on it. Evaluation batches hold
    every example exactly once over all ranks, and every rank has the same number of them.

    Args:
        examples: size of the split.
        batch_size: examples a batch, on each rank.
        shuffle: training order, or the order of the data.
        seed: of the permutations.
        rank: this process.
        world: number of processes.
        order: the examples of an epoch in the order of training, as many as there are; None for a permutation.
    """

    def __init__(
        self,
        examples: int,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        order: Callable[[int], np.ndarray | None] | None = None,
    ) -> None:
        self.examples, self.batch_size, self.shuffle, self.order = examples, batch_size, shuffle, order
        self.seed, self.rank, self.world = seed, rank, world
        self.generator = torch.Generator()
        self.start_at(0, 0)

    @property
    def sampler(self) -> Batches:
        """Itself: Lightning calls `batch_sampler.sampler.set_epoch` before every epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the permutation of an epoch, and the seeds of loader workers in it."""
        self.start_at(epoch, self.start if epoch == self.epoch else 0)

    def start_at(self, epoch: int, batch: int) -> None:
        """Let the next iteration leave out the batches that an interrupted run has trained on."""
        self.epoch, self.start = epoch, batch
        self.generator.manual_seed(int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]))

    def __len__(self) -> int:
        """Batches of a whole epoch on this rank, those left out included."""
        return len(self._cuts()) // self.world

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of this rank, from the start position on."""
        order = self._order()
        cuts = self._cuts()
        for first, last in cuts[self.rank :: self.world][self.start :]:
            indices = IndexList(order[first:last].tolist())
            indices.epoch = self.epoch
            yield indices

    def _order(self) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.examples)
        chosen = self.order(self.epoch) if self.order is not None else None
        if chosen is not None:
            return chosen
        return np.random.default_rng([self.seed, self.epoch]).permutation(self.examples)

    def _cuts(self) -> list[tuple[int, int]]:
        """First and last index of each batch, over all ranks."""
        count = max(1, math.ceil(self.examples / self.batch_size))
        if not self.shuffle:
            count = math.ceil(count / self.world) * self.world
            edges = [self.examples * step // count for step in range(count + 1)]
            return list(pairwise(edges))
        edges = [*range(0, self.examples, self.batch_size), self.examples]
        if self.batch_size > 1 and len(edges) > 2 and edges[-1] - edges[-2] == 1:
            del edges[-2]
        cuts = list(pairwise(edges))
        short = -len(cuts) % self.world
        return cuts + [cuts[position % len(cuts)] for position in range(short)]


class PlannedBatches(Batches):
    """Batches that the data component forms itself, such as by length, dealt out to the ranks in turn.

    Where the number of training batches does not divide by the ranks, some are trained on twice; evaluation has
    empty batches instead, so that every example still counts once.

    Args:
        plan: the batches of an epoch over all ranks, as index arrays; a pure function of the epoch, and of the same
            length for every epoch.
        examples: size of the split.
        shuffle: whether these are training batches.
        seed: of loader workers.
        rank: this process.
        world: number of processes.

    Raises:
        ZooError: while iterating, where the plans of two epochs differ in length.
    """

    def __init__(
        self,
        plan: Callable[[int], Sequence[np.ndarray]],
        examples: int,
        *,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._plan = plan
        self._planned: tuple[int, Sequence[np.ndarray]] | None = None
        self._count: int | None = None
        super().__init__(examples, 1, shuffle=shuffle, seed=seed, rank=rank, world=world)

    def __len__(self) -> int:
        """Batches of a whole epoch on this rank, those left out included."""
        return -(-len(self._batches()) // self.world)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of this rank, from the start position on."""
        batches = self._batches()
        for step in range(self.start, len(self)):
            position = step * self.world + self.rank
            if position < len(batches):
                batch = batches[position]
            else:
                batch = batches[position % len(batches)] if self.shuffle else batches[0][:0]
            indices = IndexList(batch.tolist())
            indices.epoch = self.epoch
            yield indices

    def _batches(self) -> Sequence[np.ndarray]:
        if self._planned is None or self._planned[0] != self.epoch:
            batches = self._plan(self.epoch)
            if self._count is not None and len(batches) != self._count:
                raise ZooError(f"data planned {self._count} batches for an epoch, and {len(batches)} for another")
            self._planned, self._count = (self.epoch, batches), len(batches)
        return self._planned[1]


def batches_of(
    data: Any, split: str, *, shuffle: bool, seed: int, rank: int = 0, world: int = 1, size: int | None = None
) -> Batches:
    """The batches of one split: those the data component plans, or else all of one size.

    Args:
        data: a data component, set up.
        split: of the data.
        shuffle: training order.
        seed: of that order.
        rank: this process.
        world: number of processes.
        size: examples a batch, where the component plans none; its own `batch_size` by default.
    """
    examples = len(data.dataset(split))
    if hasattr(data, "batches"):

        def plan(epoch: int) -> Sequence[np.ndarray]:
            planned: Sequence[np.ndarray] = data.batches(split, shuffle=shuffle, seed=seed, epoch=epoch)
            return planned

        return PlannedBatches(plan, examples, shuffle=shuffle, seed=seed, rank=rank, world=world)
    own_size: int = getattr(data, "batch_size", 32)
    order: Callable[[int], np.ndarray | None] | None = None
    if hasattr(data, "order"):

        def order(epoch: int) -> np.ndarray | None:
            chosen: np.ndarray | None = data.order(split, seed=seed, epoch=epoch)
            return chosen

    return Batches(examples, size or own_size, shuffle=shuffle, seed=seed, rank=rank, world=world, order=order)


class HarnessData(LightningDataModule):
    """Lightning's view of a data component: its loaders, and where in an epoch to go on.

    Args:
        data: a data component, set up.
        seed: of the order of training batches.
        test_split: the split that testing reads.
    """

    def __init__(self, data: Any, seed: int, test_split: str = "test") -> None:
        super().__init__()
        self.data = data
        self.seed = seed
        self.test_split = test_split
        self._start = (0, 0)

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches, from where a resumed run stopped."""
        loader = self._loader("train", shuffle=True)
        batches = loader.batch_sampler
        assert isinstance(batches, Batches)
        batches.start_at(*self._start)
        return loader

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Every validation example once; no loader where there is none."""
        return self._evaluation("val")

    def test_dataloader(self) -> list[DataLoader[Any]]:
        """Every test example once; no loader where there is none."""
        return self._evaluation(self.test_split)

    def _evaluation(self, split: str) -> list[DataLoader[Any]]:
        return [self._loader(split, shuffle=False)] if len(self.data.dataset(split)) else []

    def start_at(self, epoch: int, batch: int) -> None:
        """Let training go on in this epoch, leaving out the batches that are done."""
        self._start = (epoch, batch)

    def _loader(self, split: str, *, shuffle: bool) -> DataLoader[Any]:
        rank = self.trainer.global_rank if self.trainer else 0
        world = self.trainer.world_size if self.trainer else 1
        batches = batches_of(self.data, split, shuffle=shuffle, seed=self.seed, rank=rank, world=world)
        return loader_of(self.data, self.data.dataset(split), batches)


def loader_of(data: Any, dataset: Any, batches: Batches) -> DataLoader[Any]:
    """A loader of these batches, collated as the data component says."""
    workers = getattr(data, "num_workers", 0)
    return DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=getattr(data, "collate", default_collate),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        generator=batches.generator,
    )
