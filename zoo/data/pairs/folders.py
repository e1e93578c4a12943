"""Folders of data sets that the user has."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import DataError
from zoo.registry import did_you_mean


def find_folder(path: str, remedy: str) -> Path:
    """The folder that a user means.

    Args:
        path: of the folder.
        remedy: what to do where there is none.

    Raises:
        DataError: there is none, with the name next to it that is nearest.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise DataError(path, problem="is no folder", remedy=remedy)
    try:
        beside = [one.name for one in folder.parent.iterdir() if one.is_dir()]
    except OSError:
        beside = []
    raise DataError(path, problem=f"no such folder{did_you_mean(folder.name, beside)}", remedy=remedy)
