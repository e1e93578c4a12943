"""Captions in several languages, from the folder of the data set."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from zoo.data.pairs.multi30k import Multi30k
from zoo.errors import ConfigError, DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three captions a split, in two languages."""
    home = tmp_path / "multi30k"
    home.mkdir()
    for split in ("train", "val", "test_2016_flickr", "test_2017_flickr"):
        for language in ("de", "en"):
            text = "".join(f"{split} {language} {n // 2}\n" for n in range(4))
            (home / f"{split}.{language}.gz").write_bytes(gzip.compress(text.encode()))
    return home


def test_the_official_splits_are_used_line_by_line(folder: Path) -> None:
    data = Multi30k(str(folder), source="en", target="de", tokenizer="space")
    data.setup()
    assert data.facts["examples"] == {"train": 4, "val": 4, "test": 4}
    assert list(data.sources("test")) == [f"test_2016_flickr en {n // 2}" for n in range(4)]
    assert list(data.references("test")) == [[f"test_2016_flickr de {n // 2}"] for n in range(4)]
    assert list(data.sources("all")) == list(data.sources("test"))
    assert data.facts["metrics"] == ["perplexity", "token_accuracy", "bleu", "chrf"]


def test_another_test_file_can_be_chosen(folder: Path) -> None:
    data = Multi30k(str(folder), test="test_2017_flickr", tokenizer="space")
    assert "test" in Multi30k.changeable
    data.setup()
    assert data.sources("test")[0] == "test_2017_flickr de 0"


@pytest.mark.parametrize("nested", [False, True])
def test_files_may_be_unpacked_or_in_a_clone(nested: bool, folder: Path) -> None:
    for path in list(folder.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    if nested:
        inner = folder / "data" / "task1" / "raw"
        inner.mkdir(parents=True)
        for path in [path for path in folder.iterdir() if path.is_file()]:
            path.rename(inner / path.name)
    data = Multi30k(str(folder), tokenizer="space")
    data.setup()
    assert data.facts["examples"]["train"] == 4


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"path": "mutli30k"}, r"mutli30k: no such folder \(did you mean 'multi30k'\?\); set data\.path"),
        (
            {"test": "test_2016_flikr"},
            r"has no test_2016_flikr\.de\.gz \(did you mean 'test_2016_flickr\.de'\?\); it has '",
        ),
        ({"source": "cs"}, r"has no train\.cs\.gz .*'train\.de\.gz'"),
        ({"path": "."}, r"has no train\.de\.gz; get the files of multi30k/dataset, data/task1/raw"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(options: dict[str, Any], problem: str, folder: Path) -> None:
    path = str(folder.parent / options.pop("path", "multi30k"))
    with pytest.raises(DataError, match=problem):
        Multi30k(path, tokenizer="space", **options).setup()


def test_a_language_into_itself_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.target: en is the source too; choose another language"):
        Multi30k(str(folder), source="en")


def test_the_real_captions_are_all_there(real_data: Path) -> None:
    path = real_data / "multi30k"
    data = Multi30k(str(path), tokenizer="space", min_count=2)
    data.setup()
    with gzip.open(path / "test_2016_flickr.en.gz", "rt", encoding="utf-8") as file:
        right = [" ".join(line.split()) for line in file]
    assert data.facts["examples"] == {"train": 29000, "val": 1014, "test": 1000}
    assert list(data.references("test")) == [[line] for line in right]
