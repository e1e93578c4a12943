"""Sequences of numbers of different lengths, on disk."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["SequenceWriter", "Sequences"]

Integers = NDArray[np.int64]

# Rows read until the pages that they are on are handed back. A page that was read counts as this process's memory
# until then; without it an epoch would come to hold the whole file, and the system maps the 16 around each one, too.
_ROWS_HELD = 128

# Offsets looked at together.
_CHUNK = 1 << 16


class SequenceWriter:
    """Writes sequences one after another.

    Args:
        folder: where to.
        name: of the files: NAME.values, all numbers, and NAME.offsets, where each sequence begins (int64).
        dtype: of the numbers.
    """

    def __init__(self, folder: Path, name: str, dtype: Any) -> None:
        self.dtype, self.rows, self._end = np.dtype(dtype), 0, 0
        self._values: BinaryIO = (folder / f"{name}.values").open("wb")
        self._offsets: BinaryIO = (folder / f"{name}.offsets").open("wb")
        self._offsets.write(np.zeros(1, "<i8").tobytes())

    def append(self, values: NDArray[Any], lengths: Integers) -> None:
        """Sequences behind one another, and their lengths."""
        if not len(lengths):
            return
        self._values.write(values.astype(self.dtype.newbyteorder("<"), copy=False).tobytes())
        ends = self._end + np.cumsum(lengths, dtype=np.int64)
        self._offsets.write(ends.astype("<i8", copy=False).tobytes())
        self._end, self.rows = int(ends[-1]), self.rows + len(lengths)

    def __enter__(self) -> SequenceWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._values.close()
        self._offsets.close()

    @property
    def facts(self) -> dict[str, Any]:
        """What `Sequences` needs to know."""
        return {"dtype": self.dtype.name, "rows": self.rows, "values": self._end}


class Sequences:
    """Sequences of numbers, read where they are: on disk, mapped into memory, or in arrays.

    Args:
        values: all numbers behind one another.
        offsets: where each sequence begins, and the end of the last: one more than there are sequences.
        origin: the arguments of `open`, if they are on disk.
    """

    def __init__(
        self, values: NDArray[Any], offsets: Integers, origin: tuple[Path, str, dict[str, Any]] | None = None
    ) -> None:
        self._values, self._offsets, self._origin = values, offsets, origin
        self._maps: list[mmap.mmap] = []
        self._held = 0

    @classmethod
    def of(cls, values: NDArray[Any], lengths: Integers) -> Sequences:
        """Sequences that are in memory, behind one another, and their lengths."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(values, offsets)

    @classmethod
    def open(cls, folder: Path, name: str, facts: dict[str, Any]) -> Sequences:
        """What a `SequenceWriter` has written, given its facts."""
        maps: list[mmap.mmap] = []

        def mapped(path: Path, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
            if not count:  # nothing cannot be mapped
                return np.empty(0, dtype)
            with path.open("rb") as file:
                maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            return np.frombuffer(maps[-1], dtype, count)

        values = mapped(folder / f"{name}.values", np.dtype(facts["dtype"]).newbyteorder("<"), facts["values"])
        offsets = mapped(folder / f"{name}.offsets", np.dtype("<i8"), facts["rows"] + 1)
        opened = cls(values, offsets, (folder, name, facts))
        opened._maps = maps
        return opened

    def __reduce__(self) -> tuple[Any, ...]:
        if self._origin is not None:  # another process maps the same files
            return Sequences.open, self._origin
        return Sequences, (self._values, self._offsets)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> NDArray[Any]:
        """A copy of one sequence."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"sequence {index} of {len(self)}")
        index %= len(self)
        row = self._values[self._offsets[index] : self._offsets[index + 1]].copy()
        self._hand_back(1)
        return row

    def take(self, indices: Sequence[int] | NDArray[Any]) -> tuple[NDArray[Any], Integers]:
        """Several sequences behind one another, and their lengths."""
        chosen = np.asarray(indices, np.int64)
        if len(chosen) and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise IndexError(f"sequences {chosen.min()} to {chosen.max()} of {len(self)}")
        starts = self._offsets[chosen]
        lengths = self._offsets[chosen + 1] - starts
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        values = self._values[np.repeat(starts - ends + lengths, lengths) + np.arange(total)]
        self._hand_back(len(chosen))
        return values, lengths

    def lengths(self) -> NDArray[np.int32]:
        """Numbers in each sequence, (N,)."""
        found = np.empty(len(self), np.int32)
        for start in range(0, len(self), _CHUNK):
            part = self._offsets[start : start + _CHUNK + 1]
            np.subtract(part[1:], part[:-1], out=found[start : start + _CHUNK], casting="same_kind")
            self._hand_back(_ROWS_HELD)
        return found

    def _hand_back(self, rows: int) -> None:
        self._held += rows
        if self._held >= _ROWS_HELD and self._maps and hasattr(mmap, "MADV_DONTNEED"):
            for one in self._maps:
                one.madvise(mmap.MADV_DONTNEED)
            self._held = 0
