"""Batches of sentences of nearly the same length."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["padding_share", "token_batches"]

Lengths = NDArray[np.integer]

# An order of all examples, and where in it batches begin, with the end.
Plan = tuple[NDArray[np.int64], NDArray[np.int64]]

# Of the fraction, where lengths and noise are added up in fixed point.
_BITS = 16

# Of the mean length, by which lengths may differ and still change places.
_NOISE = 1 / 24


def padding_share(
    batches: Sequence[NDArray[np.int64]], source_lengths: Lengths, target_lengths: Lengths | None = None
) -> float:
    """Share of padding among the positions of all batches, both sides together.

    Args:
        batches: indices of examples.
        source_lengths: of all examples, (N,).
        target_lengths: of all examples, (N,); None: there are no targets.
    """
    sizes = np.fromiter(map(len, batches), np.int64, len(batches))
    filled = sizes > 0
    if not filled.any():
        return 0.0
    order = np.concatenate([np.asarray(batch, np.int64) for batch in batches])
    starts = (np.cumsum(sizes) - sizes)[filled]
    tokens = positions = 0
    for lengths in (source_lengths, target_lengths):
        if lengths is not None:
            placed = lengths[order].astype(np.int64)
            tokens += int(placed.sum())
            positions += int((np.maximum.reduceat(placed, starts) * sizes[filled]).sum())
    return 1 - tokens / positions if positions else 0.0


def token_batches(
    source_lengths: Lengths,
    target_lengths: Lengths | None = None,
    *,
    tokens: int | None = None,
    sentences: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    epoch: int = 0,
) -> list[NDArray[np.int64]]:
    """The batches of an epoch: every example once, together with examples of nearly the same lengths.

    A pure function. Every epoch has as many batches as any other.

    Args:
        source_lengths: positions that each source takes, its end token included, (N,).
        target_lengths: the same of the targets; None: there are none.
        tokens: positions a batch at most, padding included, on the side that has more of them; a single sentence
            that is longer is a batch of its own.
        sentences: examples a batch at most. One of the two, or both, must be given.
        shuffle: batches that differ every epoch, in random order; else sorted by length, the longest first, and the
            same always.
        seed: of the shuffling.
        epoch: of the shuffling.

    Raises:
        ValueError: neither limit, or one below 1; lengths that do not belong together.
    """
    _check(source_lengths, target_lengths, tokens, sentences)
    examples = len(source_lengths)
    if not examples:
        return []
    sizes = np.array(source_lengths if target_lengths is None else np.maximum(source_lengths, target_lengths), np.int32)
    np.maximum(sizes, 1, out=sizes)
    limit, most = tokens or int(sizes.max()) * examples, min(sentences or examples, examples)
    mean = float(sizes.mean(dtype=np.float64))
    width = _group_width(source_lengths, max(mean * examples / limit, examples / most))
    usual_noise = mean * _NOISE if shuffle else 0.0

    def planned(draw: Sequence[int], share: float) -> Plan:
        order = _ordered(source_lengths, target_lengths, width, np.random.default_rng(draw), share * usual_noise)
        if not shuffle:
            order = order[::-1]
        return order, _bounds(sizes[order], limit, most) if tokens else _even(examples, most)

    if not shuffle:
        return _cut(*planned((0,), 1.0))
    plan = _as_many_each_epoch(planned, seed, epoch) if tokens else planned((1, seed, epoch), 1.0)
    batches = _cut(*plan)
    return [batches[place] for place in np.random.default_rng((2, seed, epoch)).permutation(len(batches))]


def _check(source: Lengths, target: Lengths | None, tokens: int | None, sentences: int | None) -> None:
    if tokens is None and sentences is None:
        raise ValueError("batches need a limit: tokens, sentences or both")
    for name, value in (("tokens", tokens), ("sentences", sentences)):
        if value is not None and value < 1:
            raise ValueError(f"{name}={value} a batch: at least 1")
    if target is not None and len(target) != len(source):
        raise ValueError(f"lengths of {len(source)} sources and {len(target)} targets")


def _group_width(source: Lengths, batches: float) -> int:
    """How many neighbouring source lengths to put together before sorting by target length.

    So that there are about as many groups as batches in each: the square of lengths is cut in both directions alike.
    """
    counts = np.cumsum(np.bincount(np.asarray(source)))
    low, high = np.searchsorted(counts, (0.05 * counts[-1], 0.95 * counts[-1]))
    return max(1, round(int(high - low) / math.sqrt(max(1.0, batches))))


def _ordered(
    source: Lengths, target: Lengths | None, width: int, rng: np.random.Generator, noise: float
) -> NDArray[np.int64]:
    """Examples by source length and, within a group, by target length: up in one group, down in the next.

    Args:
        source: lengths.
        target: lengths, or None.
        width: of a group of source lengths.
        rng: of the noise.
        noise: at most so much is added to or taken from each length first, so that near lengths change places.
    """
    key = _blurred(source, rng, noise)
    if target is not None:
        key += 1 << (_BITS - 1)  # less noise than half a token changes no group
        key //= width << _BITS
        other = _blurred(target, rng, noise)
        np.negative(other, out=other, where=(key & 1).astype(np.bool_))
        key <<= 40
        key += other
        del other
    return np.argsort(key, kind="stable")  # the one order that is the same on every processor


def _blurred(lengths: Lengths, rng: np.random.Generator, noise: float) -> NDArray[np.int64]:
    """Lengths plus noise in fixed point."""
    blurred = np.asarray(lengths).astype(np.int64)
    blurred <<= _BITS
    if noise:
        most = int(noise * (1 << _BITS))
        blurred += rng.integers(-most, most, len(blurred), np.int32)
    return blurred


def _bounds(sizes: NDArray[np.int32], tokens: int, sentences: int) -> NDArray[np.int64]:
    """Where batches begin, and the end: each takes what comes next as long as it fits.

    Args:
        sizes: positions of each example, in order.
        tokens: positions a batch, padding included.
        sentences: examples a batch.
    """
    bounds, start, examples = [0], 0, len(sizes)
    counts = np.arange(1, min(examples, sentences, tokens) + 1)
    while start < examples:
        most = max(1, min(len(counts), tokens // int(sizes[start])))
        widest = np.maximum.accumulate(sizes[start : start + most])
        fitting = int(np.searchsorted(widest * counts[: len(widest)], tokens, side="right"))
        start += max(1, fitting)
        bounds.append(start)
    if sentences > 1:
        _avoid_singles(bounds, sizes, tokens)
    return np.array(bounds, np.int64)


def _avoid_singles(bounds: list[int], sizes: NDArray[np.int32], tokens: int) -> None:
    """Give a lone example company from the batch before or after it, where the two fit."""
    for place in np.flatnonzero(np.diff(bounds) == 1).tolist():
        here = bounds[place]
        if bounds[place + 1] - here > 1:  # by now it has company
            continue
        if place and here - bounds[place - 1] > 2 and 2 * sizes[here - 1 : here + 1].max() <= tokens:
            bounds[place] -= 1
        elif place + 2 < len(bounds) and bounds[place + 2] - here > 3 and 2 * sizes[here : here + 2].max() <= tokens:
            bounds[place + 1] += 1


def _even(examples: int, sentences: int) -> NDArray[np.int64]:
    """Bounds of as few batches as can be, all of the same size or one less."""
    batches = -(-examples // sentences)
    return np.arange(batches + 1, dtype=np.int64) * examples // batches


def _as_many_each_epoch(planned: Callable[[Sequence[int], float], Plan], seed: int, epoch: int) -> Plan:
    """An order and its bounds, with a number of batches that the lengths alone determine.

    Noise makes a plan some batches longer or shorter. So the number is that of one plan whose noise is the same in
    every epoch, and a few more: a plan with fewer batches has its largest ones cut in two, and of one with more
    another is drawn, at last that one.

    Args:
        planned: order and bounds, from the numbers that seed the noise and its strength.
        seed: of the shuffling.
        epoch: of the shuffling.
    """
    order, bounds = planned((0,), 1.0)
    usual, examples = len(bounds) - 1, len(order)
    number = max(usual, min(usual + max(1, usual // 50), examples // 2)) if usual > 1 else usual
    for attempt, noise in enumerate((1.0, 1.0, 1.0, 0.5, 0.0)):
        new_order, new_bounds = planned((1, seed, epoch, attempt), noise)
        if len(new_bounds) - 1 <= number:
            order, bounds = new_order, new_bounds
            break
    missing = number - (len(bounds) - 1)
    if missing > 0:
        bounds = _halved(bounds, missing)
    return order, bounds


def _halved(bounds: NDArray[np.int64], more: int) -> NDArray[np.int64]:
    """So many more batches, by cutting the largest in two."""
    while more > 0:
        sizes = np.diff(bounds)
        largest = np.sort(np.argsort(-sizes, kind="stable")[:more])
        largest = largest[sizes[largest] > 1]
        middles = bounds[largest] + sizes[largest] // 2
        bounds, more = np.sort(np.concatenate([bounds, middles])), more - len(largest)
    return bounds


def _cut(order: NDArray[np.int64], bounds: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [order[start:end] for start, end in pairwise(bounds.tolist())]
