"""Folders of data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.data.pairs.folders import find_folder
from zoo.errors import DataError


def test_a_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "multi30k").mkdir()
    assert find_folder("~/multi30k", "look") == tmp_path / "multi30k"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("mutli30k", r"mutli30k: no such folder \(did you mean 'multi30k'\?\); look"),
        ("something", r"something: no such folder; look"),
        ("deep/er", r"deep/er: no such folder; look"),
        ("file", r"file: is no folder; look"),
    ],
)
def test_what_is_no_folder_is_named_with_the_nearest(name: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "multi30k").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=problem):
        find_folder(str(tmp_path / name), "look")
