"""Pairs, tokenised once and read from disk."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data.text import (
    BEGIN,
    END,
    PADDING,
    Pair,
    PairStore,
    Sequences,
    SpaceTokenizer,
    Tokenizer,
    TokenizerOptions,
    Vocabulary,
    fit_tokenizer,
    padded,
    store_pairs,
)


@pytest.fixture(scope="module")
def pairs(lines: list[str]) -> list[Pair]:
    """Odd lines as sources of even ones; more than are tokenised together."""
    both = list(zip(lines[::2], lines[1::2], strict=True)) * 20
    return [Pair(source, target, 10 + 3 * index) for index, (source, target) in enumerate(both)]


@pytest.fixture(scope="module")
def source(lines: list[str]) -> Tokenizer:
    return TokenizerOptions(kind="space").fit(lines[::2])


@pytest.fixture(scope="module")
def target(lines: list[str]) -> Tokenizer:
    return TokenizerOptions(kind="sentencepiece", vocab_size=150).fit(lines[1::2])


def never() -> Iterator[Pair]:
    raise AssertionError("the pairs were read again")


@pytest.fixture
def store(pairs: list[Pair], source: Tokenizer, target: Tokenizer, tmp_path: Path) -> PairStore:
    return store_pairs([], lambda: pairs, source, target, keep_text=True, folder=tmp_path)


def test_the_store_holds_what_the_tokenizers_say(
    store: PairStore, pairs: list[Pair], source: Tokenizer, target: Tokenizer
) -> None:
    assert len(store) == len(pairs) == 6000
    for index, pair in enumerate(pairs):
        assert store.source[index].tolist() == source.encode(pair.source)
        assert store.target[index].tolist() == target.encode(pair.target)
    assert store.lines().tolist() == [pair.line for pair in pairs]


def test_texts_are_kept_as_they_are(tmp_path: Path, source: Tokenizer) -> None:
    odd = [Pair("  two  spaces ", "größe ☃ \u2028 ", 1), Pair("", "", 2), Pair("한국", "x", 3)]
    store = store_pairs([], lambda: odd, source, source, keep_text=True, folder=tmp_path)
    assert [(store.text("source", i), store.text("target", i)) for i in range(3)] == [pair[:2] for pair in odd]
    without = store_pairs([], lambda: odd, source, source, folder=tmp_path)
    with pytest.raises(KeyError):
        without.text("source", 0)


def test_lengths_are_those_of_the_sequences(store: PairStore) -> None:
    assert store.target.lengths().tolist() == [len(store.target[index]) for index in range(len(store))]


def test_lengths_of_more_sequences_than_are_looked_at_together() -> None:
    lengths = np.random.default_rng(0).integers(0, 5, 200_003)
    assert np.array_equal(Sequences.of(np.zeros(lengths.sum(), np.uint8), lengths).lengths(), lengths)


def test_several_sequences_at_once_are_the_sequences_one_by_one(store: PairStore) -> None:
    chosen = np.random.default_rng(0).permutation(len(store))[:500]
    values, lengths = store.source.take(chosen)
    assert values.tolist() == [number for index in chosen for number in store.source[index]]
    assert lengths.tolist() == [len(store.source[index]) for index in chosen]


@pytest.mark.parametrize("begin", [False, True])
@pytest.mark.parametrize("end", [False, True])
def test_a_matrix_has_begin_sequence_end_padding(begin: bool, end: bool) -> None:
    rows = [[5, 6, 7], [], [8]]
    sequences = Sequences.of(np.array([5, 6, 7, 8]), np.array([3, 0, 1]))
    chosen = [2, 0, 1, 0]
    expected = [[BEGIN] * begin + rows[index] + [END] * end for index in chosen]
    width = 3 + begin + end
    found = padded(sequences, chosen, begin=begin, end=end)
    assert found.dtype == np.int64
    assert found.tolist() == [row + [PADDING] * (width - len(row)) for row in expected]


def test_no_sequences_make_an_empty_matrix(store: PairStore) -> None:
    assert padded(store.source, [], end=True).shape == (0, 1)
    assert store.source.take(np.array([], np.int64))[0].tolist() == []


def test_indices_out_of_range_are_refused(store: PairStore) -> None:
    for index in (len(store), -len(store) - 1):
        with pytest.raises(IndexError):
            store.source[index]
    for indices in ([0, len(store)], [-1]):
        with pytest.raises(IndexError):
            store.source.take(indices)
    assert store.source[-1].tolist() == store.source[len(store) - 1].tolist()


@pytest.mark.parametrize(("size", "dtype"), [(1 << 16, "uint16"), ((1 << 16) + 1, "uint32")])
def test_ids_take_two_bytes_where_they_fit(size: int, dtype: str, tmp_path: Path) -> None:
    tokenizer = SpaceTokenizer(Vocabulary(tuple(f"w{index}" for index in range(4, size))))
    store = store_pairs([], lambda: [Pair(f"w{size - 1} w4", "w5", 1)], tokenizer, tokenizer, folder=tmp_path)
    assert store.source[0].dtype == dtype
    assert store.source[0].tolist() == [size - 1, 4]


def test_pairs_are_dropped_for_the_first_reason_that_holds(
    pairs: list[Pair], source: Tokenizer, target: Tokenizer, tmp_path: Path
) -> None:
    drop: dict[str, Callable[..., Any]] = {"long": lambda s, t: (s > 10) | (t > 30), "ratio": lambda s, t: t > 3 * s}
    store = store_pairs([], lambda: pairs, source, target, drop=drop, folder=tmp_path)
    sizes = [(len(source.encode(pair.source)), len(target.encode(pair.target))) for pair in pairs]
    long = [s > 10 or t > 30 for s, t in sizes]
    uneven = [t > 3 * s and not too_long for (s, t), too_long in zip(sizes, long, strict=True)]
    assert store.dropped == {"long": sum(long), "ratio": sum(uneven)}
    assert min(store.dropped.values()) > 0
    kept = [pair for pair, *out in zip(pairs, long, uneven, strict=True) if not any(out)]
    assert store.lines().tolist() == [pair.line for pair in kept]
    assert [row.tolist() for row in map(store.source.__getitem__, range(len(store)))] == [
        source.encode(pair.source) for pair in kept
    ]
    again = store_pairs([], never, source, target, drop=drop, folder=tmp_path)
    assert again.dropped == store.dropped


def test_a_store_of_nothing_can_be_read(source: Tokenizer, tmp_path: Path) -> None:
    store = store_pairs([], lambda: iter(()), source, source, keep_text=True, folder=tmp_path)
    assert len(store) == 0
    assert store.source.lengths().tolist() == store.lines().tolist() == []


def test_the_same_pairs_are_tokenised_once(
    pairs: list[Pair], source: Tokenizer, target: Tokenizer, tmp_path: Path
) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("one")
    seen = {"empty lines": 3}
    first = store_pairs([file, "en"], lambda: pairs, source, target, facts=lambda: seen, folder=tmp_path)
    moved = file.rename(tmp_path / "other.txt")
    again = store_pairs([moved, "en"], never, source, target, folder=tmp_path)
    assert again.facts == first.facts == seen
    assert again.source[7].tolist() == first.source[7].tolist()


@pytest.mark.parametrize("change", ["file", "option", "source", "target", "text", "drop"])
def test_whatever_the_store_depends_on_makes_another(
    change: str, pairs: list[Pair], source: Tokenizer, target: Tokenizer, tmp_path: Path
) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("one")
    store_pairs([file, "en"], lambda: pairs, source, target, folder=tmp_path)
    given: dict[str, Any] = {"parts": [file, "en"], "source": source, "target": target}
    if change == "file":
        file.write_text("two")
    given |= {
        "option": {"parts": [file, "de"]},
        "source": {"source": target},
        "target": {"target": source},
        "text": {"keep_text": True},
        "drop": {"drop": {"long": lambda s, t: s > 10}},
    }.get(change, {})
    with pytest.raises(AssertionError, match="read again"):
        store_pairs(pairs=never, folder=tmp_path, **given)


@pytest.mark.parametrize("name", ["source.values", "target.offsets", "source_text.values", "line.values"])
def test_a_damaged_store_is_made_again_while_others_read_the_old_one(
    name: str, store: PairStore, pairs: list[Pair], source: Tokenizer, target: Tokenizer, tmp_path: Path
) -> None:
    before = [store.source[index].tolist() for index in range(50)]
    (damaged,) = tmp_path.glob(f"*/{name}")
    copy = damaged.with_suffix(".copy")
    copy.write_bytes(damaged.read_bytes()[:-4])
    copy.rename(damaged)
    mended = store_pairs([], lambda: pairs, source, target, keep_text=True, folder=tmp_path)
    assert [mended.source[index].tolist() for index in range(50)] == before
    assert [store.source[index].tolist() for index in range(50)] == before
    assert mended.lines().tolist() == [pair.line for pair in pairs]


def test_another_process_opens_the_same_files(store: PairStore) -> None:
    data = pickle.dumps(store)
    assert len(data) < 10_000
    other = pickle.loads(data)
    assert padded(other.source, [3, 1]).tolist() == padded(store.source, [3, 1]).tolist()
    assert other.text("target", 5) == store.text("target", 5)
    in_memory = Sequences.of(np.array([1, 2, 3]), np.array([1, 2]))
    assert pickle.loads(pickle.dumps(in_memory))[1].tolist() == [2, 3]


def test_a_tokenizer_is_fitted_once_for_the_same_text(lines: list[str], tmp_path: Path) -> None:
    options = TokenizerOptions(vocab_size=5000)
    first = fit_tokenizer(["train"], options, lambda: lines, tmp_path)
    again = fit_tokenizer(["train"], options, lambda: 1 / 0, tmp_path)  # type: ignore[arg-type, return-value]
    assert again.encode(lines[0]) == first.encode(lines[0])
    assert again.notes == first.notes
    assert "instead of 5000" in again.notes[0]
    other = fit_tokenizer(["train"], TokenizerOptions(vocab_size=100), lambda: lines, tmp_path)
    assert other.size == 100


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from zoo.data.text.sequences import Sequences, SequenceWriter
folder, rows, width = Path(sys.argv[1]), 1_000_000, 100
with SequenceWriter(folder, "ids", np.uint16) as writer:
    for _ in range(100):
        writer.append(np.ones(width * rows // 100, np.uint16), np.full(rows // 100, width))
sequences = Sequences.open(folder, "ids", writer.facts)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
order, total = np.random.default_rng(0).integers(0, rows, 400_000), 0
for start in range(0, len(order), 256):
    total += int(sequences.take(order[start : start + 256])[1].sum())
assert total == width * len(order)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_reading_a_large_file_takes_no_memory(run_python: Callable[..., Any], tmp_path: Path) -> None:
    """A third of 200 MB is visited, in pieces spread over all of it."""
    done = run_python("-c", MEMORY, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 40  # megabytes
