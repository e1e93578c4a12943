"""Random cases with everything that goes wrong, and values over batches and processes."""

import copy
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchmetrics import Metric

Pair = tuple[np.ndarray, np.ndarray]


def binary(case: int) -> Pair:
    """Probabilities that tie, some 0, 1/2 or 1; of one class alone in two cases of ten."""
    rng = np.random.default_rng(case)
    target = rng.integers(0, 2, rng.integers(1, 40))
    if case % 10 < 2:
        target[:] = case % 10
    preds = rng.integers(0, 9, len(target)) / 8 if case % 2 else np.round(rng.random(len(target)), 1)
    return preds.astype(np.float32), target


def multiclass(case: int) -> Pair:
    """Five classes, of which any number has no example; the largest probability is sometimes shared."""
    rng = np.random.default_rng(case)
    present = rng.permutation(5)[: 1 + case % 5]
    target = rng.choice(present, rng.integers(1, 40))
    weights = rng.integers(0, 4, (len(target), 5)) if case % 2 else rng.random((len(target), 5))
    weights = weights + (weights.sum(1, keepdims=True) == 0)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32), target


def multilabel(case: int) -> Pair:
    """Three labels; in most cases one or another is on all examples, or on none."""
    rng = np.random.default_rng(case)
    size = rng.integers(1, 40)
    target = rng.integers(0, 2, (size, 3))
    for label, value in enumerate(rng.integers(0, 4, 3)):
        if value < 2:
            target[:, label] = value
    return (rng.integers(0, 9, (size, 3)) / 8).astype(np.float32), target


def value_of(metric: Metric, preds: np.ndarray, target: np.ndarray, batch: int = 7) -> float:
    """Over batches; no metric may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for start in range(0, len(preds), batch):
            part = slice(start, start + batch)
            metric.update(torch.from_numpy(preds[part]), torch.from_numpy(target[part]))
        value = metric.compute()
    assert value.shape == ()
    return float(value)


def value_of_ranks(metric: Metric, preds: np.ndarray, target: np.ndarray, first: int) -> torch.Tensor:
    """The value of the first of two processes, which has seen as many examples, through torchmetrics' own exchange."""
    other = copy.deepcopy(metric)
    for rank, part in ((metric, slice(0, first)), (other, slice(first, None))):
        if len(preds[part]):
            rank.update(torch.from_numpy(preds[part]), torch.from_numpy(target[part]))
    theirs = []
    for name in other._reductions:
        state = getattr(other, name)
        # As torchmetrics does for a process that has seen nothing.
        theirs.append(torch.cat(state or [torch.tensor([], dtype=other.dtype)]) if isinstance(state, list) else state)

    def exchange(state: torch.Tensor, group: object) -> list[torch.Tensor]:
        received = theirs.pop(0)
        assert (received.ndim, received.dtype) == (state.ndim, state.dtype), "processes cannot exchange these"
        return [state, received]

    metric.distributed_available_fn = lambda: True
    metric.dist_sync_fn = exchange
    metric._update_count = 1
    return metric.compute()


@pytest.fixture(scope="session")
def given() -> SimpleNamespace:
    """The functions above, and `of[problem]` with `sizes[problem]` for those of a problem."""
    of: dict[str, Callable[[int], Pair]] = {"binary": binary, "multiclass": multiclass, "multilabel": multilabel}
    sizes = {"binary": {}, "multiclass": {"num_classes": 5}, "multilabel": {"num_labels": 3}}
    return SimpleNamespace(**of, of=of, sizes=sizes, value_of=value_of, value_of_ranks=value_of_ranks)
