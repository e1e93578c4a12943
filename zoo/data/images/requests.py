"""What a trained model is asked: pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from zoo.data.images.decoding import EXTENSIONS
from zoo.data.images.folders import walk
from zoo.data.images.tables import is_table, read_paths
from zoo.data.source import find_source
from zoo.errors import DataError


def requested(source: str | Path | TextIO, column: str | int | None) -> list[Path]:
    """The pictures that a user names.

    Args:
        source: a folder, whose pictures are taken at any depth; a picture; a table with a column of paths; or a text,
            a file or stream, with a path a line. Paths in a file are relative to its folder.
        column: of a table.

    Raises:
        DataError: there are none.
    """
    if isinstance(source, str | Path) and source != "-":
        path = Path(source).expanduser()
        if path.is_dir():
            found = list(walk(path))
            if not found:
                raise DataError(path, problem="has no pictures", remedy=f"pictures end in {', '.join(EXTENSIONS)}")
            return found
        if path.suffix.lower() in EXTENSIONS:
            return [path]
        if is_table(path) and path.exists():
            return read_paths(path, column)
    found_source = find_source(source)
    base = Path() if found_source.path is None else found_source.path.parent
    try:
        with found_source.open() as stream:
            lines = stream.read().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError(found_source.label, problem="is no list of pictures", remedy="give a path a line") from None
    return [base / line.strip() for line in lines if line.strip()]
