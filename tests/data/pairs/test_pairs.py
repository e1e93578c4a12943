"""Pairs from files, from the options to what a checkpoint carries."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.data.pairs.pairs import PairFiles
from zoo.data.text import UNKNOWN
from zoo.errors import DataError

Rows = list[tuple[str, str]]
Write = Callable[..., str]

TOKENIZERS: dict[str, dict[str, Any]] = {
    "char": {"tokenizer": "char"},
    "char in jamo": {"tokenizer": "char", "form": "NFD"},
    "space": {"tokenizer": "space"},
    "unigram": {"vocab_size": 60},
    "bpe": {"vocab_size": 60, "model_type": "bpe"},
    "char and space": {"source_tokenizer": "char", "target_tokenizer": "space"},
    "space and bpe": {"source_tokenizer": "space", "model_type": "bpe", "vocab_size": 60},
    "joint char": {"tokenizer": "char", "vocabulary": "joint"},
    "joint space": {"tokenizer": "space", "vocabulary": "joint"},
    "joint unigram, sampled": {"vocab_size": 60, "vocabulary": "joint", "subword_sampling": 0.2},
    "joint bpe, with dropout": {"vocab_size": 60, "vocabulary": "joint", "model_type": "bpe", "subword_sampling": 0.1},
}
every_tokenizer = pytest.mark.parametrize("options", TOKENIZERS.values(), ids=TOKENIZERS.keys())


def ready(**options: Any) -> PairFiles:
    data = PairFiles(**options)
    data.setup()
    return data


def through_checkpoint(state: dict[str, Any]) -> Any:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)


@every_tokenizer
def test_what_is_trained_on_is_what_is_in_the_file(options: dict[str, Any], table: str, rows: Rows) -> None:
    data = ready(path=table, val=0, test=0, **options)
    train = data.dataset("train")
    sides = data._ready()
    read = [
        (sides.source.decode(train.source[row].tolist()), data.decode(train.target[row].tolist()))
        for row in range(len(train))
    ]
    assert read == rows
    assert list(data.sources("train")) == [source for source, _ in rows]


@every_tokenizer
def test_a_checkpoint_carries_all_that_prediction_needs(options: dict[str, Any], table: str, rows: Rows) -> None:
    data = ready(path=table, **options)
    state = through_checkpoint(data.state_dict())
    Path(table).unlink()
    fresh = PairFiles(path=table, **options)
    fresh.load_state_dict(state)
    fresh.setup()  # refits nothing, and reads nothing
    assert fresh.facts == data.facts
    assert fresh.state_dict() == data.state_dict()
    asked = [{"source": source} for source, _ in rows[:20]] + [{"source": "ein Ünbekanntes ☃"}]
    read = [one.read_records(asked) for one in (data, fresh)]
    for row in range(len(asked)):
        ids = [one.source[row].tolist() for one in read]
        assert ids[0] == ids[1]
        assert data.source_tokens(ids[0]) == fresh.source_tokens(ids[0])
    for _, target in rows[:20]:
        ids = [one.encode_target(target) for one in (data, fresh)]
        assert ids[0] == ids[1]
        assert fresh.decode(ids[0]) == target
        assert data.target_tokens(ids[0]) == fresh.target_tokens(ids[0])


@every_tokenizer
def test_tokenizers_see_the_training_split_alone(options: dict[str, Any], write: Write, rows: Rows) -> None:
    """Held-out texts change nothing of them, whether they are cut off or in files of their own; training texts do."""
    path = write([f"{source}\t{target}" for source, target in rows], "all.tsv")
    cut = ready(path=path, val=40, test=40, **options)
    training = set(cut.sources("train"))
    assert len(training) == len(rows) - 80

    held = [(source, target if source in training else "ü☃ never seen") for source, target in rows]
    other = ready(
        path=write([f"{source}\t{target}" for source, target in held], "held.tsv"), val=40, test=40, **options
    )
    assert set(other.sources("train")) == training
    assert tokenizers(other) == tokenizers(cut)
    assert UNKNOWN in other.encode_target("☃")

    trained = [(source, "ü☃ never seen" if source in training else target) for source, target in rows]
    seen = ready(
        path=write([f"{source}\t{target}" for source, target in trained], "seen.tsv"), val=40, test=40, **options
    )
    assert tokenizers(seen) != tokenizers(cut)
    assert UNKNOWN not in seen.encode_target("☃ never" if options.get("tokenizer") == "char" else "ü☃")

    alone = [f"{source}\t{target}" for source, target in rows if source in training]
    files = {"path": write(alone, "train.tsv")}
    for split in ("val", "test"):
        files[f"{split}_path"] = write([f"{source} ☃\t☃" for source in cut.sources(split)], f"{split}.tsv")
    assert tokenizers(ready(**files, **options)) == tokenizers(cut)


def tokenizers(data: PairFiles) -> dict[str, Any]:
    return {side: state for side, state in data.state_dict().items() if side != "facts"}


def test_a_joint_vocabulary_is_one(table: str) -> None:
    joint = ready(path=table, tokenizer="space", vocabulary="joint")
    assert joint.facts["joint_vocabulary"] is True
    assert joint.facts["source_vocab_size"] == joint.facts["target_vocab_size"]
    assert joint.encode_source("ka ra")[:-1] == joint.encode_target("ka ra")
    apart = ready(path=table, tokenizer="space")
    assert apart.facts["joint_vocabulary"] is False
    assert apart.facts["target_vocab_size"] == apart.facts["source_vocab_size"] + 1  # the letter x
    assert joint.same_target_vocabulary(ready(path=table, tokenizer="space", vocabulary="joint", seed=0))
    assert not joint.same_target_vocabulary(apart)


def test_what_a_vocabulary_could_not_have_is_noted_for_its_side(table: str) -> None:
    notes = ready(path=table, target_tokenizer="space", vocab_size=5000).notes
    assert [note.split(" has ")[0] for note in notes[:-1]] == ["source: the training text"]
    assert "so the vocabulary has" in notes[0]


def test_a_vocabulary_that_cannot_be_is_an_error_with_the_least_size(table: str) -> None:
    with pytest.raises(DataError, match=r"pairs\.tsv: no vocabulary: vocab_size=6 is below the \d+ .* at least \d+"):
        ready(path=table, vocab_size=6)
    with pytest.raises(DataError, match=r"pairs\.tsv: no vocabulary: min_count=10000 leaves none"):
        ready(path=table, tokenizer="space", min_count=10000)


def test_after_an_error_setup_can_be_tried_again(table: str, tmp_path: Path) -> None:
    data = PairFiles(path=table, val_path=str(tmp_path / "val.tsv"), tokenizer="space")
    with pytest.raises(DataError, match="no such file"):
        data.setup()
    (tmp_path / "val.tsv").write_text("ka\tka x\n")
    data.setup()
    assert data.facts["examples"]["val"] == 1


# Splits and right answers.


def test_splits_have_their_files_or_are_cut(write: Write, table: str) -> None:
    val, test = write(["ka\tx", "never\ty"], "val.tsv"), write('{"source": "a", "target": "b"}\n', "test.jsonl")
    data = ready(path=table, val_path=val, test_path=test, tokenizer="space")
    assert data.facts["examples"] == {"train": 300, "val": 2, "test": 1}
    assert list(data.sources("test")) == ["a"]
    data = ready(path=table, val_path=val, test=0.1, tokenizer="space")
    assert data.facts["examples"] == {"train": 270, "val": 2, "test": 30}
    data = ready(path=table, val=7, test=0, tokenizer="space")
    assert data.facts["examples"] == {"train": 293, "val": 7, "test": 0}
    data = ready(path=table, val=0.1, test=0.1, tokenizer="space")
    assert data.facts["examples"] == {"train": 240, "val": 30, "test": 30}
    assert len(data.dataset("all")) == 300
    with pytest.raises(KeyError, match="no split 'dev'"):
        data.dataset("dev")


def test_a_source_with_several_right_answers_is_one_example_in_one_split(write: Write) -> None:
    spoken = {f"w{n}": [f"w{n}.{k}" for k in range(1 + n % 3)] for n in range(60)}
    lines = [f"{word}\t{said}" for k in range(3) for word, all_said in spoken.items() for said in all_said[k : k + 1]]
    data = ready(path=write([*lines, *lines[:5]], "x.tsv"), val=20, test=20, tokenizer="space")
    found: dict[str, list[str]] = {}
    for split in ("val", "test"):
        assert len(data.dataset(split)) == len(data.references(split)) == 20
        found |= dict(zip(data.sources(split), data.references(split), strict=True))
    training = dict(zip(data.sources("train"), data.references("train"), strict=True))
    assert len(training) == 20
    assert found | training == spoken
    # Training goes through every pair.
    assert len(data.dataset("train")) == sum(lines.count(f"{w}\t{s}") for w in training for s in spoken[w]) + sum(
        line.split("\t")[0] in training for line in lines[:5]
    )
    ungrouped = ready(path=write(lines, "x.tsv"), val=20, test=20, tokenizer="space", group=False)
    assert len(ungrouped.dataset("test")) == sum(len(spoken[source]) for source in set(ungrouped.sources("test")))
    assert all(len(right) == 1 for split in ("train", "test") for right in ungrouped.references(split))


def test_an_evaluation_reads_other_files_with_the_tokenizers_of_training(table: str, write: Write) -> None:
    state = ready(path=table, tokenizer="space").state_dict()
    other = PairFiles(path=write(["ka ra\tra ka x", "ka ra\tanother", "never\tx"], "new.tsv"), tokenizer="space")
    other.load_state_dict(state)
    assert len(other.dataset("all")) == 2
    assert list(other.references("all")) == [["ra ka x", "another"], ["x"]]
    never = other.dataset("all").source[1].tolist()
    assert never == [UNKNOWN]
    assert other.source_text(never) == "never"


# What is kept on disk.


def stores(cache: Path) -> int:
    return sum(1 for path in cache.iterdir() if (path / "line.values").exists())


def test_the_same_content_is_tokenised_once_and_other_content_never_served(
    table: str, rows: Rows, own_cache: Path, tmp_path: Path
) -> None:
    assert ready(path=table, tokenizer="space").decode(ready(path=table, tokenizer="space").encode_target("ka"))
    assert stores(own_cache) == 1
    kept = sorted(path.name for path in own_cache.iterdir())
    os.utime(table, (1, 1))  # touched
    copy = tmp_path / "moved.tsv"
    copy.write_bytes(Path(table).read_bytes())
    ready(path=str(copy), tokenizer="space")
    assert sorted(path.name for path in own_cache.iterdir()) == kept

    changed = Path(table).read_text().replace("ka", "ke")
    Path(table).write_text(changed)  # of the same size and age
    os.utime(table, (1, 1))
    data = ready(path=table, tokenizer="space", val=0, test=0)
    assert list(data.sources("train")) == [source.replace("ka", "ke") for source, _ in rows]
    assert UNKNOWN in data.encode_source("ka")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"val": 0.2},
        {"max_length": 3},
        {"max_ratio": 1.3},
        {"tokenizer": "char"},
        {"source_column": 1, "target_column": 0},
        {"vocab_size": 8},
        {"vocabulary": "joint"},
    ],
    ids=str,
)
def test_whatever_training_depends_on_makes_another_store(change: dict[str, Any], table: str, own_cache: Path) -> None:
    ready(path=table, tokenizer="space")
    assert stores(own_cache) == 1
    ready(**{"path": table, "tokenizer": "space", **change})
    assert stores(own_cache) == 2


@pytest.mark.parametrize(
    ("name", "lines", "columns"),
    [
        ("x.tsv", ["a\tb", "c\td"], (1, 0)),
        ("x.jsonl", ['{"source": "a", "target": "b"}', '{"source": "c", "target": "d"}'], ("target", "source")),
    ],
)
def test_other_columns_of_the_same_file_are_never_mixed_up(
    name: str, lines: list[str], columns: tuple[Any, Any], write: Write
) -> None:
    path = write(lines, name)
    one = ready(path=path, tokenizer="space", val=0, test=0)
    other = ready(path=path, tokenizer="space", val=0, test=0, source_column=columns[0], target_column=columns[1])
    assert list(one.sources("train")) == ["a", "c"]
    assert list(other.sources("train")) == ["b", "d"]
    assert [UNKNOWN in data.encode_source("b") for data in (one, other)] == [True, False]


def test_several_runs_may_start_at_once(table: str, own_cache: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ready(path=table, vocab_size=60), range(4)))
    assert all(one.facts == found[0].facts and one.state_dict() == found[0].state_dict() for one in found)
    assert stores(own_cache) == 1


def test_a_cache_that_cannot_be_written_serves_what_it_has(
    table: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = ready(path=table, tokenizer="space").facts
    mkdir = os.mkdir

    def read_only(path: Any, *arguments: Any, **named: Any) -> None:
        if own_cache in Path(path).parents:
            raise OSError(30, "Read-only file system")
        mkdir(path, *arguments, **named)

    monkeypatch.setattr(os, "mkdir", read_only)
    assert ready(path=table, tokenizer="space").facts == facts
    with pytest.raises(
        DataError, match=r"attention-zoo: the cache cannot be written: Read-only file system; .*data\.cache"
    ):
        ready(path=table, tokenizer="char")


def test_a_full_disk_is_told_and_leaves_nothing(
    table: str, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.data.text.sequences import SequenceWriter

    def full(self: SequenceWriter, *arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(SequenceWriter, "append", full)
        with pytest.raises(DataError, match=r"cannot be written: No space left on device; .*data\.cache=FOLDER"):
            ready(path=table, tokenizer="space")
    assert not list(own_cache.glob("*.part"))
    assert (
        ready(path=table, tokenizer="space").facts
        == ready(path=table, tokenizer="space", cache=str(tmp_path / "c")).facts
    )
    assert stores(tmp_path / "c") == 1


def test_a_broken_pair_leaves_no_store_behind(write: Write, own_cache: Path) -> None:
    path = write(["a\tb", "c\td\te"], "x.tsv")
    with pytest.raises(DataError, match="line 2"):
        ready(path=path, tokenizer="space", val=0, test=0)
    assert not own_cache.exists() or stores(own_cache) == 0
