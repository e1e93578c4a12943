"""Where bytes come from: a file, a compressed file, a pipe or a stream, opened as often as needed."""

from __future__ import annotations

import gzip
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from zoo.errors import DataError


@dataclass(frozen=True)
class Source:
    """Something to read.

    Args:
        label: what errors call it.
        path: the file; None for a stream.
        content: the bytes of a stream or pipe, which can be read once only.
    """

    label: str
    path: Path | None = None
    content: bytes | None = None

    @property
    def suffix(self) -> str:
        """Extension in lower case, without that of the compression; "" for a stream."""
        if self.path is None:
            return ""
        name = self.path.name.lower().removesuffix(".gz")
        return Path(name).suffix

    def open(self) -> BinaryIO:
        """The bytes from the start, decompressed."""
        if self.content is not None:
            return io.BytesIO(self.content)
        assert self.path is not None
        if self.path.name.lower().endswith(".gz"):
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return self.path.open("rb")


def find_source(source: str | Path | TextIO) -> Source:
    """The source that a user means.

    Args:
        source: a path, "-" for standard input, or an open text stream.

    Raises:
        DataError: the file is missing, a folder, empty or unreadable.
    """
    if source == "-":
        source = sys.stdin
    if not isinstance(source, str | Path):
        label = getattr(source, "name", None)
        label = "standard input" if source is sys.stdin or not isinstance(label, str) else label
        try:
            content = source.read().encode()
        except UnicodeDecodeError:
            raise DataError(label, problem="is not UTF-8 text", remedy="save it as UTF-8") from None
        if not content.strip():
            raise DataError(label, problem="is empty")
        return Source(label, content=content)
    label, path = str(source), Path(source).expanduser()
    if not label:
        raise DataError("data.path", problem="is not set", remedy="name the file: data.path=FILE")
    if path.is_dir():
        raise DataError(label, problem="is a folder", remedy="name a file in it")
    if not path.exists():
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise DataError(label, problem=f"no such file{where}", remedy="check the path")
    try:
        found = Source(label, path=path, content=None if path.is_file() else path.read_bytes())
        with found.open() as stream:
            empty = not stream.read(1)
    except (OSError, EOFError) as error:
        raise unreadable(label, error) from None
    if empty:
        raise DataError(label, problem="is empty")
    return found


def unreadable(label: str, error: Exception) -> DataError:
    """The error for bytes that the system or the decompressor does not give."""
    problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return DataError(label, problem=f"cannot be read: {problem}", remedy="check the file")
