"""Arrays kept on disk under the key of what they were made of, memory-mapped.

Every process appends to a file of its own, an array and then a line that says where it stands, so that several can
write at once and a process that is killed loses what it was writing and no more. An array is checked when it is first
read.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

#: What stands in the files of this version.
LAYOUT = 1

_TYPES = {"uint8": torch.uint8, "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Place(NamedTuple):
    """Where an array stands.

    Attributes:
        file: without suffix.
        start: its first byte.
        shape: of the array.
        kind: name of its type.
        checksum: CRC-32 of its bytes; None once it has been compared.
    """

    file: str
    start: int
    shape: tuple[int, ...]
    kind: str
    checksum: int | None


class ArrayStore:
    """A folder of arrays by key.

    Args:
        folder: made when something is first put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"layout-{LAYOUT}"
        # Several of a key where two processes made the same, or where one was damaged and made again.
        self._places: dict[str, list[Place]] = {}
        self._read: dict[str, int] = {}
        self._maps: dict[str, np.memmap] = {}
        self._own: tuple[int, str, IO[bytes], IO[str]] | None = None
        self._lock = threading.Lock()
        self.full = False
        self.refresh()

    def refresh(self) -> None:
        """See what other processes have put here."""
        with contextlib.suppress(OSError):
            for index in sorted(self.folder.glob("*.index")):
                for key, place in self._lines(index):
                    self._places.setdefault(key, []).append(place)

    def _lines(self, index: Path) -> Iterator[tuple[str, Place]]:
        """Whole lines that were not read before."""
        with index.open("rb") as file:
            file.seek(self._read.get(index.stem, 0))
            for line in file:
                if not line.endswith(b"\n"):
                    return  # being written at the moment, or never finished
                self._read[index.stem] = self._read.get(index.stem, 0) + len(line)
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    key, start, shape, kind, checksum = json.loads(line)
                    if kind in _TYPES:
                        yield key, Place(index.stem, start, tuple(shape), kind, checksum)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> Tensor | None:
        """The array of a key, which shares the memory of the file and is not to be written to; None: there is none."""
        places = self._places.get(key)
        while places:
            kind = _TYPES[places[-1].kind]
            content = self._sound(places)
            if content is not None:
                return torch.frombuffer(content, dtype=kind).view(places[-1].shape)
            places.pop()  # damaged
        self._places.pop(key, None)
        return None

    def _sound(self, places: list[Place]) -> memoryview | None:
        """The bytes of the last place, compared with their checksum once."""
        place = places[-1]
        size = int(np.prod(place.shape)) * _TYPES[place.kind].itemsize
        content = self._bytes(place.file, place.start, size)
        if content is None or place.checksum is None:
            return content
        if zlib.crc32(content) != place.checksum:
            return None
        places[-1] = place._replace(checksum=None)
        return content

    def _bytes(self, name: str, start: int, size: int) -> memoryview | None:
        """So many bytes of a file, copied on write; None: it has not so many."""
        mapped = self._maps.get(name)
        if mapped is None or len(mapped) < start + size:
            try:
                mapped = self._maps[name] = np.memmap(self.folder / f"{name}.bin", np.uint8, mode="c")
            except (OSError, ValueError):
                return None
        return memoryview(cast(Any, mapped))[start : start + size] if len(mapped) >= start + size else None

    def put(self, key: str, array: Tensor) -> None:
        """Keep an array; where the disk is full or may not be written to, `full` is set and nothing is kept."""
        if self.full or key in self._places:
            return
        kind = str(array.dtype).removeprefix("torch.")
        content = array.detach().contiguous().view(torch.uint8).numpy().tobytes()
        checksum = zlib.crc32(content)
        with self._lock:
            try:
                name, data, index = self._files()
                start = data.tell()
                data.write(content)
                data.flush()
                index.write(json.dumps([key, start, list(array.shape), kind, checksum]) + "\n")
                index.flush()
            except OSError:
                self.full = True
                return
        self._places[key] = [Place(name, start, tuple(array.shape), kind, None)]

    def _files(self) -> tuple[str, IO[bytes], IO[str]]:
        """The files of this process, which after a fork are others than those of its parent."""
        if self._own is None or self._own[0] != os.getpid():
            self.folder.mkdir(parents=True, exist_ok=True)
            name = uuid4().hex
            data = (self.folder / f"{name}.bin").open("wb")
            index = (self.folder / f"{name}.index").open("w", encoding="utf-8")
            self._own = os.getpid(), name, data, index
        return self._own[1:]

    def __getstate__(self) -> dict[str, object]:
        """Loader processes open files of their own."""
        return {**self.__dict__, "_maps": {}, "_own": None, "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        """As before, with a lock of this process."""
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def room_for(self, size: int) -> bool:
        """Whether so many bytes would leave half of the free disk."""
        folder = self.folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            return shutil.disk_usage(folder).free > 2 * size
        except OSError:
            return False
