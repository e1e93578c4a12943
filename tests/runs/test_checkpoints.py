"""Checkpoint files: whole or not at all, plain data only, never loaded unsafely."""

from __future__ import annotations

import errno
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from zoo.errors import RunError
from zoo.runs.checkpoints import newest_readable, read_checkpoint, write_checkpoint
from zoo.runs.folder import RunFolder


def content(step: int) -> dict[str, Any]:
    header: dict[str, Any] = {"config": {}, "components": [], "facts": {}, "data": {}}
    return {"global_step": step, "state_dict": OrderedDict(weight=torch.arange(300.0) + step), "zoo": header}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder.create(tmp_path / "run")
    run.write_config({"seed": 0})
    return run


def files(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.last.parent.iterdir()}


def test_what_is_written_is_read_back(folder: RunFolder) -> None:
    write_checkpoint(content(3), folder.last)
    assert torch.equal(read_checkpoint(folder.last)["state_dict"]["weight"], torch.arange(300.0) + 3)
    assert torch.load(folder.last, weights_only=True)["global_step"] == 3
    assert files(folder) == {"last.ckpt"}


def test_the_replaced_checkpoint_is_kept(folder: RunFolder) -> None:
    for step in (1, 2, 3):
        write_checkpoint(content(step), folder.last, keep=folder.previous)
    assert read_checkpoint(folder.last)["global_step"] == 3
    assert read_checkpoint(folder.previous)["global_step"] == 2
    assert files(folder) == {"last.ckpt", "previous.ckpt"}


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("call", range(2))
def test_killed_between_writing_and_renaming_there_is_still_a_whole_checkpoint(
    call: int, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rename keeps the old one, the second puts the new one in place."""
    write_checkpoint(content(1), folder.last, keep=folder.previous)
    write_checkpoint(content(2), folder.last, keep=folder.previous)
    replace, calls = os.replace, iter(range(9))

    def killed(*arguments: Any) -> None:
        if next(calls) == call:
            raise Killed
        replace(*arguments)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(Killed):
        write_checkpoint(content(3), folder.last, keep=folder.previous)
    path, damaged = newest_readable(folder)
    assert path == folder.last
    assert damaged == []
    assert read_checkpoint(folder.last)["global_step"] == 2
    assert read_checkpoint(folder.previous)["global_step"] in (1, 2)


def test_the_file_is_on_the_disk_before_it_gets_its_name(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (order.append("fsync"), fsync(file)))
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("replace"), replace(*names)))
    write_checkpoint(content(1), folder.last)
    assert order == ["fsync", "replace"]


def no_space(*arguments: Any, **options: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def torch_has_no_space(*arguments: Any, **options: Any) -> None:
    raise RuntimeError("[enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0\nframe #0: ...")


@pytest.mark.parametrize("fault", [no_space, torch_has_no_space])
def test_with_a_full_disk_the_previous_checkpoint_survives(
    fault: Callable[..., None], folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(content(1), folder.last, keep=folder.previous)
    monkeypatch.setattr(torch, "save", fault)
    with pytest.raises(RunError) as caught:
        write_checkpoint(content(2), folder.last, keep=folder.previous)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert str(folder.last) in message
    assert f"resume={folder.path}" in message
    assert read_checkpoint(folder.last)["global_step"] == 1
    assert files(folder) == {"last.ckpt"}


class Thing:
    """Not plain data."""


OBJECTS = {
    "an instance": Thing(),
    "a NumPy array": np.zeros(3),
    "a NumPy number": np.float64(1.5),
    "an OmegaConf node": OmegaConf.create({"a": 1}),
    "a path": Path("x"),
    "a function": no_space,
}


@pytest.mark.parametrize("what", OBJECTS)
def test_an_object_is_refused_when_saving_and_its_place_is_named(what: str, folder: RunFolder) -> None:
    write_checkpoint(content(1), folder.last)
    with pytest.raises(TypeError, match=r"\['callbacks'\]\['mine'\]\[1\]"):
        write_checkpoint({**content(2), "callbacks": {"mine": [0, OBJECTS[what]]}}, folder.last)
    assert read_checkpoint(folder.last)["global_step"] == 1


def test_every_object_that_is_refused_would_have_been_refused_by_a_safe_reader(tmp_path: Path) -> None:
    for what, thing in OBJECTS.items():
        torch.save({"x": thing}, tmp_path / "x.pt")
        try:
            torch.load(tmp_path / "x.pt", weights_only=True)
        except pickle.UnpicklingError:
            continue
        assert what.startswith("a NumPy"), "torch alone may let NumPy through"


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nothing\.ckpt: no such checkpoint"):
        read_checkpoint(tmp_path / "nothing.ckpt")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_part_of_a_checkpoint_is_damaged(share: float, folder: RunFolder) -> None:
    write_checkpoint(content(1), folder.last)
    whole = folder.last.read_bytes()
    folder.last.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(RunError, match=r"last\.ckpt.*damaged"):
        read_checkpoint(folder.last)


def test_changed_weights_fail_their_checksum(folder: RunFolder) -> None:
    write_checkpoint(content(1), folder.last)
    number = torch.tensor([150.0]).numpy().tobytes()
    whole = folder.last.read_bytes()
    assert whole.count(number) == 1
    folder.last.write_bytes(whole.replace(number, torch.tensor([151.5]).numpy().tobytes()))
    with pytest.raises(RunError, match="damaged"):
        read_checkpoint(folder.last)


@pytest.mark.parametrize("other", [[1, 2], {"state_dict": {}}, {"zoo": 3}, torch.zeros(3)])
def test_another_program_s_file_is_no_checkpoint_of_ours(other: Any, tmp_path: Path) -> None:
    torch.save(other, tmp_path / "best.ckpt")
    with pytest.raises(RunError, match="no checkpoint of ours"):
        read_checkpoint(tmp_path / "best.ckpt")


def test_the_newest_readable_one_is_the_one_to_go_on_from(folder: RunFolder) -> None:
    assert newest_readable(folder) == (None, [])
    for step in (1, 2):
        write_checkpoint(content(step), folder.last, keep=folder.previous)
    assert newest_readable(folder) == (folder.last, [])
    folder.last.write_bytes(b"")
    path, damaged = newest_readable(folder)
    assert path == folder.previous
    assert len(damaged) == 1
    assert str(folder.last) in damaged[0]
    folder.last.unlink()
    assert newest_readable(folder) == (folder.previous, [])
    folder.previous.write_bytes(b"")
    with pytest.raises(RunError, match="no checkpoint of it can be read"):
        newest_readable(folder)


def test_what_a_killed_process_left_half_written_is_removed_by_the_next_write(tmp_path: Path) -> None:
    left = tmp_path / ".last.ckpt.4711"
    left.write_bytes(b"half")
    write_checkpoint({"weights": torch.ones(2)}, tmp_path / "last.ckpt")
    assert not left.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
