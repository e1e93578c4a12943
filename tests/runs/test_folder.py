"""The run folder and the plain files in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from zoo.errors import RunError
from zoo.runs.folder import RunFolder, write_text


def test_a_folder_that_holds_a_run_is_not_taken_again(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run").write_config({"seed": 1})
    with pytest.raises(RunError, match=r"holds a run already; continue it with resume="):
        RunFolder.create(tmp_path / "run")


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunError, match=r"cannot be written: .*; choose another with hydra.run.dir="):
            RunFolder.create(path)


def test_creating_a_folder_leaves_no_probe_behind(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    assert [path.name for path in folder.path.iterdir()] == ["checkpoints"]


def test_an_empty_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run here"):
        RunFolder.open(tmp_path)


def test_a_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    config = {"seed": 1, "model": {"name": "mlp", "width": [8, 4], "depth": None}, "ä": 1e-8}
    folder = RunFolder.create(tmp_path)
    folder.write_config(config)
    assert folder.read_config() == config
    assert list(folder.read_config()) == list(config), "keys keep their order"


def test_metrics_of_an_unfinished_run_are_empty(tmp_path: Path) -> None:
    assert RunFolder.create(tmp_path).read_metrics() == {}


def test_damaged_metrics_are_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"val/loss": 0.')
    with pytest.raises(RunError, match=r"metrics\.json"):
        RunFolder(tmp_path).read_metrics()


def test_runs_that_start_together_get_folders_of_their_own(tmp_path: Path) -> None:
    wanted = tmp_path / "outputs" / "12-00-00"
    folders = [RunFolder.create(wanted, numbered=True).path for _ in range(3)]
    assert [folder.name for folder in folders] == ["12-00-00", "12-00-00-1", "12-00-00-2"]


def test_a_folder_of_the_users_own_choice_gets_no_number(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert RunFolder.create(tmp_path / "mine").path == tmp_path / "mine"


def test_a_file_is_written_at_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metrics.json"
    write_text(path, json.dumps({"a": 1}))

    def refuse(*names: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(RunError, match=r"metrics\.json: cannot be written: No space left on device"):
        write_text(path, json.dumps({"a": 2}))
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["metrics.json"]
