"""A mean over examples from means over batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from zoo.tasks.example_mean import ExampleMean
from zoo.tasks.task import TrainingSums


def test_batches_count_by_their_size() -> None:
    values = np.random.default_rng(0).normal(size=101)
    mean = ExampleMean()
    for batch in np.split(values, [1, 8, 9, 40, 100]):
        mean.update(torch.tensor(batch.mean()), len(batch))
    assert float(mean.compute()) == pytest.approx(values.mean(), rel=1e-12)


def test_it_sums_in_double_precision() -> None:
    mean = ExampleMean()
    for value in (1.0, 1e-9):
        mean.update(torch.tensor(value, dtype=torch.float32), 1)
    assert float(mean.compute()) == pytest.approx(0.5 + 0.5e-9, rel=1e-15)


def test_a_batch_in_which_nothing_counts_changes_nothing() -> None:
    mean = ExampleMean()
    mean.update(torch.tensor(2.0), 3)
    mean.update(torch.tensor(math.nan), torch.tensor(0))
    assert float(mean.compute()) == 2


def test_a_loss_that_is_no_number_shows() -> None:
    mean = ExampleMean()
    mean.update(torch.tensor(2.0), 3)
    mean.update(torch.tensor(math.nan), 3)
    assert math.isnan(float(mean.compute()))


def test_sums_of_training_are_taken_once_and_survive_a_checkpoint() -> None:
    sums = TrainingSums()
    sums.add(torch.tensor(2.0), 3)
    sums.add(torch.tensor(4.0), 1)
    sums.logged_at = 7
    copy = TrainingSums()
    copy.load_state_dict(sums.state_dict())
    for one in (sums, copy):
        assert one.logged_at == 7
        assert one.take("window").tolist() == [10, 4]
        assert one.take("window").tolist() == [0, 0]
        assert one.take("epoch").tolist() == [10, 4]
