"""What is in files: a key of each, computed by several threads and remembered until the file is touched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from zoo.errors import DataError

Found = TypeVar("Found")
Given = TypeVar("Given")

#: Size, time of the last change in nanoseconds, and key.
Known = tuple[int, int, str]


def in_threads(function: Callable[[Given], Found], given: Sequence[Given]) -> list[Found]:
    """The function of each, in order; reading and decoding let other threads run meanwhile."""
    workers = min(32, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if workers == 1 or len(given) < 2:
        return [function(one) for one in given]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, given))


class ContentKeys:
    """Keys of files by what is in them, hexadecimal; a file that has its size and time of before is not read again.

    Args:
        folder: where they are remembered; None: nowhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "keys.jsonl"

    def of(self, paths: Sequence[Path]) -> list[str]:
        """The key of each file.

        Raises:
            DataError: one cannot be read.
        """
        known = self._known()
        states = [_state(path) for path in paths]
        places = [os.path.abspath(path) for path in paths]
        missing = [index for index, place in enumerate(places) if known.get(place, (0, 0, ""))[:2] != states[index][:2]]
        found = dict(zip(missing, in_threads(lambda index: _key(paths[index]), missing), strict=True))
        self._remember((places[index], *states[index], key) for index, key in found.items())
        return [found[index] if index in found else known[place][2] for index, place in enumerate(places)]

    def _known(self) -> dict[str, Known]:
        known: dict[str, Known] = {}
        if self._file is None:
            return known
        with contextlib.suppress(OSError), self._file.open(encoding="utf-8") as lines:
            for line in lines:
                with contextlib.suppress(ValueError, TypeError):  # a line that was cut off
                    place, size, time, key = json.loads(line)
                    known[place] = size, time, key
        return known

    def _remember(self, entries: Iterable[tuple[str, int, int, str]]) -> None:
        lines = "".join(json.dumps(list(entry)) + "\n" for entry in entries)
        if self._file is None or not lines:
            return
        with contextlib.suppress(OSError):  # it is only remembered
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(lines)


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    return status.st_size, status.st_mtime_ns


def _key(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(path, problem=f"cannot be read: {error.strerror or error}", remedy="check the path")
