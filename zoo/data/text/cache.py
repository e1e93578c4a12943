"""A folder of things that are made once: by one process, whole or not at all, and made again when damaged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from zoo.errors import DataError

__all__ = ["cache_folder", "cached", "fingerprint"]

# What the folders of this version hold; another layout needs another number.
_LAYOUT = 1

_INDEX = "index.json"
_CHUNK = 1 << 20
_ATTEMPTS = 20


def cache_folder(chosen: str | Path | None = None) -> Path:
    """The chosen folder, or attention-zoo within the folder that the platform has for a user's caches."""
    if chosen is not None:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:  # the XDG base directory specification, which says to ignore relative paths
        given = os.environ.get("XDG_CACHE_HOME", "")
        base = given if os.path.isabs(given) else Path.home() / ".cache"
    return Path(base) / "attention-zoo"


def fingerprint(*parts: Any) -> str:
    """A key that changes with any of the parts.

    Args:
        parts: files, as `Path`s, of which the contents count and not the names; anything else: plain data.
    """
    digest = hashlib.sha256(f"layout {_LAYOUT}".encode())
    for part in parts:
        if isinstance(part, Path):
            digest.update(b"\0file\0" + _of_file(part))
        else:
            plain = json.dumps(part, sort_keys=True, ensure_ascii=True, allow_nan=True)
            digest.update(b"\0data\0" + plain.encode())
    return digest.hexdigest()[:40]


def _of_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(path, problem=f"cannot be read: {error.strerror or error}", remedy="check the path") from error


def cached(
    key: str, make: Callable[[Path], Mapping[str, Any]], folder: str | Path | None = None
) -> tuple[Path, dict[str, Any]]:
    """A folder with files that `make` has written, made now unless it is there and sound.

    Several processes may ask at once: one makes, the others wait for it. Whoever reads the files while they are made
    again keeps the old ones.

    Args:
        key: of `fingerprint`.
        make: writes files into an empty folder, and returns plain data to keep with them. What is wrong with the
            files that it reads is a DataError: an OSError is taken for one of writing.
        folder: of the cache; None: see `cache_folder`.

    Returns:
        The folder with the files, and what `make` returned.

    Raises:
        DataError: the cache cannot be written.
    """
    root = cache_folder(folder)
    place = root / key
    found = _sound(place)
    if found is not None:
        return place, found
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root / f"{key}.lock") as locked:
            found = _sound(place)
            if found is None:
                if locked:
                    _sweep(root, key)
                found = _made(root, key, make)
    except OSError as error:
        problem = f"the cache cannot be written: {error.strerror or error}"
        raise DataError(root, problem=problem, remedy="choose a folder with data.cache=FOLDER") from error
    return place, found


def _made(root: Path, key: str, make: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    work = _part(root, key)
    work.mkdir()
    try:
        kept = dict(make(work))
        files = {path.name: [path.stat().st_size, _checksum(path)] for path in sorted(work.iterdir())}
        with (work / _INDEX).open("w", encoding="utf-8") as file:
            json.dump({"files": files, "kept": kept}, file)
        return _put(work, root / key, kept)
    finally:
        _discard(work)


def _part(root: Path, key: str) -> Path:
    """A name for unfinished or discarded work on a key."""
    return root / f"{key}.{uuid4().hex}.part"


def _put(work: Path, place: Path, kept: dict[str, Any]) -> dict[str, Any]:
    """Rename to where it belongs; a damaged folder makes way, a sound one that came first stays."""
    for attempt in range(_ATTEMPTS):  # where there are no locks, another process may come between any two steps
        try:
            os.rename(work, place)
            return kept
        except OSError:
            other = _sound(place)
            if other is not None:
                return other
            if attempt == _ATTEMPTS - 1:
                raise
        aside = _part(place.parent, place.name)
        with contextlib.suppress(OSError):
            os.rename(place, aside)
        _discard(aside)
    raise AssertionError("the last attempt returns or raises")


def _discard(path: Path) -> None:
    """Remove a folder or file, if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _sound(place: Path) -> dict[str, Any] | None:
    """What is kept with the files, if all of them are as they were written."""
    try:
        index = json.loads((place / _INDEX).read_text(encoding="utf-8"))
        for name, (size, checksum) in index["files"].items():
            path = place / name
            if path.stat().st_size != size or _checksum(path) != checksum:
                return None
        kept = index["kept"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return kept if isinstance(kept, dict) else None


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


def _sweep(root: Path, key: str) -> None:
    """Remove what processes that were killed have left; whoever holds the lock is alone at work on this key."""
    for left in root.glob(f"{key}.*.part"):
        _discard(left)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Wait until no other process is in here; False where the system has no such locks, so that two may be."""
    try:
        import fcntl
    except ImportError:
        yield False
        return
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # some network file systems
            yield False
            return
        yield True
