"""Made once, whole or not at all, and made again when damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from zoo.data.text import cache_folder, cached, fingerprint
from zoo.errors import DataError

CONTENT = bytes(range(256)) * 40


class Maker:
    """Makes the same files each time, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> dict[str, Any]:
        self.times += 1
        assert not list(folder.iterdir())
        (folder / "numbers").write_bytes(CONTENT)
        (folder / "empty").write_bytes(b"")
        return {"rows": 3, "name": "größe"}


def assert_whole(folder: Path, kept: dict[str, Any]) -> None:
    assert (folder / "numbers").read_bytes() == CONTENT
    assert (folder / "empty").read_bytes() == b""
    assert kept == {"rows": 3, "name": "größe"}


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.suffix == ".part"]


def test_made_once_and_found_again(tmp_path: Path) -> None:
    make = Maker()
    for _ in range(3):
        assert_whole(*cached("key", make, tmp_path / "new" / "folder"))
    assert make.times == 1
    assert leftovers(tmp_path / "new" / "folder") == []


def flip(folder: Path) -> None:
    (folder / "numbers").write_bytes(CONTENT[:5000] + bytes([CONTENT[5000] ^ 1]) + CONTENT[5001:])


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "a flipped bit": flip,
    "a cut file": lambda folder: (folder / "numbers").write_bytes(CONTENT[:-1]),
    "a missing file": lambda folder: (folder / "empty").unlink(),
    "a missing index": lambda folder: (folder / "index.json").unlink(),
    "an empty index": lambda folder: (folder / "index.json").write_bytes(b""),
    "a cut index": lambda folder: (folder / "index.json").write_bytes((folder / "index.json").read_bytes()[:-3]),
    "another index": lambda folder: (folder / "index.json").write_text('[{"files": 1}]'),
    "an index of nothing": lambda folder: (folder / "index.json").write_text('{"files": {}}'),
    "bytes for an index": lambda folder: (folder / "index.json").write_bytes(b"\xff\xfe\x00"),
    "an empty folder": lambda folder: [path.unlink() for path in folder.iterdir()],
    "a file in its place": lambda folder: (shutil.rmtree(folder), folder.write_bytes(b"?")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_noticed_and_mended(damage: Callable[[Path], Any], tmp_path: Path) -> None:
    make = Maker()
    folder, _ = cached("key", make, tmp_path)
    damage(folder)
    assert_whole(*cached("key", make, tmp_path))
    assert_whole(*cached("key", make, tmp_path))
    assert make.times == 2
    assert leftovers(tmp_path) == []


def test_nothing_stays_of_a_failed_attempt(tmp_path: Path) -> None:
    def fail(folder: Path) -> dict[str, Any]:
        (folder / "half").write_bytes(b"...")
        raise DataError("corpus.txt", line=7, problem="not UTF-8")

    with pytest.raises(DataError, match=r"corpus\.txt, line 7"):
        cached("key", fail, tmp_path)
    assert not (tmp_path / "key").exists()
    assert leftovers(tmp_path) == []
    assert_whole(*cached("key", Maker(), tmp_path))


HALF = """
import os, sys
from pathlib import Path
from zoo.data.text import cached
def make(folder):
    (folder / "numbers").write_bytes(b"half")
    os._exit(9)
cached("key", make, sys.argv[1])
"""


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", HALF, str(tmp_path)], timeout=60)
    assert run.returncode == 9
    assert len(leftovers(tmp_path)) == 1
    assert_whole(*cached("key", Maker(), tmp_path))
    assert leftovers(tmp_path) == []


SLOW = """
import sys, time
from pathlib import Path
from zoo.data.text import cached
root = Path(sys.argv[1])
def make(folder):
    with (root / "log").open("a") as log:
        log.write("made\\n")
    for part in range(5):
        (folder / f"file{part}").write_bytes(bytes([part]) * 1000)
        time.sleep(0.1)
    return {"parts": 5}
folder, kept = cached("key", make, root / "cache")
assert [(folder / f"file{part}").read_bytes() for part in range(5)] == [bytes([part]) * 1000 for part in range(5)]
assert kept == {"parts": 5}
"""


def test_of_several_processes_one_makes_and_all_have_it(tmp_path: Path) -> None:
    runs = [subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path)]) for _ in range(4)]
    assert [run.wait(timeout=100) for run in runs] == [0, 0, 0, 0]
    assert (tmp_path / "log").read_text() == "made\n"


@pytest.mark.parametrize("damaged", [False, True])
def test_without_locks_whoever_is_second_uses_what_is_there(
    damaged: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    if damaged:
        flip(cached("key", Maker(), tmp_path)[0])
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: cached("key", Maker(), tmp_path), range(40)))
    for folder, kept in results:
        assert_whole(folder, kept)
    assert leftovers(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=r"file/cache: the cache cannot be written: .*data\.cache=FOLDER"):
        cached("key", Maker(), tmp_path / "file" / "cache")


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    def full(folder: Path) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="No space left"):
        cached("key", full, tmp_path)
    assert leftovers(tmp_path) == []


def test_keys_depend_on_contents_and_not_on_names(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    one.write_text("a")
    same.write_text("a")
    other.write_text("b")
    assert fingerprint(one, {"x": 1}) == fingerprint(same, {"x": 1})
    keys = {
        fingerprint(*parts)
        for parts in (
            [one],
            [other],
            [one, one],
            [one, other],
            [other, one],
            [one, {"x": 1}],
            ["a"],
            [["a"]],
            ["a", "b"],
            ["ab"],
        )
    }
    assert len(keys) == 10


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.txt: cannot be read"):
        fingerprint(tmp_path / "absent.txt")


def test_the_folder_is_the_one_chosen_or_that_of_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert cache_folder(tmp_path) == tmp_path
    assert cache_folder("~/here") == Path("/home/ada/here")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/ada/.cache/attention-zoo")
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/caches")
    assert cache_folder() == Path("/scratch/caches/attention-zoo")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/home/ada/.cache/attention-zoo")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path("/home/ada/Library/Caches/attention-zoo")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", os.path.join(os.sep, "users", "ada"))
    assert cache_folder() == Path("/users/ada/attention-zoo")
