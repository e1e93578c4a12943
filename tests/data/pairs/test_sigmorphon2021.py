"""Words and pronunciations of many languages, from the folder of the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.data.pairs.sigmorphon2021 import Sigmorphon2021
from zoo.errors import ConfigError, DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two words a split, of three languages."""
    home = tmp_path / "task"
    for size, language in (("medium", "kor"), ("medium", "vie_hanoi"), ("low", "ice")):
        (home / size).mkdir(parents=True, exist_ok=True)
        for split in ("train", "dev", "test"):
            (home / size / f"{language}_{split}.tsv").write_text(
                f"{split}값\tk a p̚\n{split}말\tm a ɭ\n{split}말\tm aː ɭ\n"
            )
    return home


def test_the_official_splits_are_used_and_homographs_are_one_example(folder: Path) -> None:
    data = Sigmorphon2021(str(folder), "kor")
    data.setup()
    assert data.facts["examples"] == {"train": 3, "val": 2, "test": 2}
    assert list(data.references("val")) == [["k a p̚"], ["m a ɭ", "m aː ɭ"]]
    assert list(data.sources("all")) == ["test값", "test말"]
    assert data.facts["metrics"] == ["perplexity", "token_accuracy", "wer", "per"]


@pytest.mark.parametrize("inner", ["", "medium"])
def test_the_folder_may_be_that_of_the_files_or_the_one_above(inner: str, folder: Path) -> None:
    data = Sigmorphon2021(str(folder / inner), "vie_hanoi")
    data.setup()
    assert data.facts["examples"]["train"] == 3


def test_hangul_comes_apart_unless_it_shall_not(folder: Path) -> None:
    apart, whole = (Sigmorphon2021(str(folder), "kor", form=form) for form in ("NFD", "NFC"))  # type: ignore[arg-type]
    for data, letters in ((apart, 5 + 3), (whole, 5 + 1)):
        data.setup()
        assert len(data.encode_source("train값")[:-1]) == letters
        assert data.source_text(data.encode_source("train값")) == "train값"


@pytest.mark.parametrize(
    ("path", "language", "error", "problem"),
    [
        (
            "task",
            "kro",
            ConfigError,
            r"data\.language: \S*task has no kro \(did you mean 'kor'\?\); it has ice, kor, vie_hanoi",
        ),
        ("task", "xyzw", ConfigError, r"data\.language: \S*task has no xyzw; it has ice, kor, vie_hanoi"),
        ("tsk", "kor", DataError, r"tsk: no such folder \(did you mean 'task'\?\); set data\.path"),
        (".", "kor", DataError, r"has no files like dut_train\.tsv; set data\.path to the folder of the task's data"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(
    path: str, language: str, error: Any, problem: str, folder: Path
) -> None:
    with pytest.raises(error, match=problem):
        Sigmorphon2021(str(folder.parent / path), language).setup()


def test_a_split_that_is_missing_is_named(folder: Path) -> None:
    (folder / "medium" / "kor_test.tsv").unlink()
    with pytest.raises(DataError, match=r"task: has no kor_test\.tsv; get the task's data again"):
        Sigmorphon2021(str(folder), "kor").setup()


def test_the_real_languages_can_all_be_read(real_data: Path) -> None:
    path = real_data / "sigmorphon2021_g2p"
    data = Sigmorphon2021(str(path), "kor")
    data.setup()
    lines = (path / "medium" / "kor_test.tsv").read_text(encoding="utf-8").splitlines()
    assert sum(map(len, data.references("test"))) == len(set(lines))
    assert data.facts["examples"]["train"] == 8000
    assert not any("not" in note for note in data.notes)
