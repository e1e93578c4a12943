"""Whole batches of tokenised pairs, and subwords drawn anew."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

from zoo.data.pairs.dataset import Lazily
from zoo.data.pairs.pairs import PairFiles
from zoo.data.text import BEGIN, END, PADDING
from zoo.harness.batches import batches_of, loader_of

Rows = list[tuple[str, str]]
SAMPLING = [
    {"vocab_size": 60, "subword_sampling": 0.2},
    {"vocab_size": 60, "subword_sampling": 0.3, "model_type": "bpe"},
    {"vocab_size": 60, "subword_sampling": 0.3, "model_type": "bpe", "source_tokenizer": "char"},
]
sampling = pytest.mark.parametrize("options", SAMPLING, ids=["unigram", "bpe", "one side"])


def ready(**options: Any) -> PairFiles:
    data = PairFiles(**options)
    data.setup()
    return data


def test_a_batch_is_its_examples_padded(table: str, rows: Rows) -> None:
    data = ready(path=table, tokenizer="space", val=0, test=0)
    dataset = data.dataset("train")
    chosen = [7, 299, 0, 7]
    inputs, target, examples = dataset.__getitems__(chosen)
    sources = [data.encode_source(rows[index][0]) for index in chosen]
    targets = [data.encode_target(rows[index][1]) for index in chosen]
    for tensor, expected in (
        (inputs["source"], sources),
        (inputs["prefix"], [[BEGIN, *one] for one in targets]),
        (target, [[*one, END] for one in targets]),
    ):
        width = max(map(len, expected))
        assert tensor.dtype == torch.int64
        assert tensor.tolist() == [[*one, *[PADDING] * (width - len(one))] for one in expected]
    assert all(one[-1] == END for one in sources)
    assert examples.tolist() == chosen
    assert dataset.lengths[chosen].tolist() == [len(one) for one in sources]
    assert dataset.target_lengths[chosen].tolist() == [len(one) + 1 for one in targets]


def test_one_example_is_its_row(table: str) -> None:
    dataset = ready(path=table, tokenizer="space").dataset("train")
    inputs, target, example = dataset[-1]
    together, targets, _ = dataset.__getitems__([len(dataset) - 1])
    assert torch.equal(inputs["source"], together["source"][0])
    assert torch.equal(target, targets[0])
    assert example == len(dataset) - 1
    with pytest.raises(IndexError, match=f"example {len(dataset)} of"):
        dataset[len(dataset)]


@sampling
def test_every_epoch_draws_anew_and_the_same_epoch_the_same(options: dict[str, Any], table: str, rows: Rows) -> None:
    data = ready(path=table, val=0, test=0, **options)
    dataset = data.dataset("train")

    def drawn(epoch: int, of: Any = dataset) -> list[list[int]]:
        of.set_epoch(epoch)
        return [[token for token in row if token != PADDING] for row in of.__getitems__(range(len(rows)))[1].tolist()]

    first, again, next_one = drawn(0), drawn(0), drawn(1)
    assert first == again
    assert sum(one != other for one, other in zip(first, next_one, strict=True)) > 100
    assert (
        [data.decode(ids) for ids in first] == [target for _, target in rows] == [data.decode(ids) for ids in next_one]
    )
    other_seed = ready(path=table, val=0, test=0, seed=1, **options).dataset("train")
    assert drawn(0, other_seed) != first
    assert drawn(0, pickle.loads(pickle.dumps(dataset))) == first


@sampling
def test_a_draw_does_not_depend_on_the_batch(options: dict[str, Any], table: str) -> None:
    dataset = ready(path=table, **options).dataset("train")
    for index in (3, 50):
        alone = dataset[index][1]
        row = dataset.__getitems__([9, index, 100])[1][1]
        assert row[: len(alone)].tolist() == alone.tolist()
        assert set(row[len(alone) :].tolist()) <= {PADDING}


@sampling
def test_what_is_evaluated_is_never_sampled(options: dict[str, Any], table: str) -> None:
    data = ready(path=table, **options)
    for split in ("val", "test"):
        dataset = data.dataset(split)
        for index, (source, references) in enumerate(zip(data.sources(split), data.references(split), strict=True)):
            inputs, target, _ = dataset[index]
            assert inputs["source"].tolist() == data.encode_source(source)
            assert target.tolist() == [*data.encode_target(references[0]), END]


def test_training_batches_are_the_same_whatever_the_number_of_workers(table: str) -> None:
    data = ready(path=table, vocab_size=60, subword_sampling=0.2, batch_size=200)
    found = []
    for workers in (0, 2):
        data.num_workers = workers
        batches = batches_of(data, "train", shuffle=True, seed=4)
        loader = loader_of(data, data.dataset("train"), batches)
        seen = []
        for epoch, start in ((1, 3), (2, 0)):
            batches.start_at(epoch, start)
            seen.append([(inputs["source"], inputs["prefix"], target, where) for inputs, target, where in loader])
        found.append(seen)
    for one, other in zip(found[0], found[1], strict=True):
        assert len(one) > 3
        assert all(
            torch.equal(a, b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True)
        )
    # The workers have been told the epoch.
    texts = [
        {int(n): row.tolist() for batch in seen for n, row in zip(batch[3], batch[2], strict=True)} for seen in found[1]
    ]
    common = texts[0].keys() & texts[1].keys()
    assert any([t for t in texts[0][n] if t] != [t for t in texts[1][n] if t] for n in common)


def test_lazily_made_elements_behave_as_a_list() -> None:
    lazy, plain = Lazily(5, lambda index: index * index), [0, 1, 4, 9, 16]
    assert list(lazy) == plain
    assert lazy[-1] == 16
    assert lazy[1:4] == plain[1:4]
    assert lazy[::-2] == plain[::-2]
    for index in (5, -6):
        with pytest.raises(IndexError):
            lazy[index]
