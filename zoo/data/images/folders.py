"""Pictures in folders: a folder for each class, with or without folders for the splits."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.data.images.decoding import EXTENSIONS
from zoo.data.table import listed
from zoo.errors import DataError

#: How folders of splits are spelled, in lower case.
SPELLINGS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


@dataclass
class Labelled:
    """Pictures with the names of their classes, in an order that only the names of files decide.

    Attributes:
        label: what errors call them: the folder or file as the user gave it.
        paths: of the pictures.
        classes: name of the class of each.
        empty: classes that have a folder and no picture in it.
        others: files that are no pictures, by extension.
    """

    label: str
    paths: list[Path] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.paths)

    def chosen(self, places: Sequence[int]) -> Labelled:
        """Some of them."""
        paths, classes = [self.paths[one] for one in places], [self.classes[one] for one in places]
        return Labelled(self.label, paths, classes)

    def __add__(self, other: Labelled) -> Labelled:
        return Labelled(self.label, self.paths + other.paths, self.classes + other.classes)


def split_folders(path: Path) -> dict[str, Path]:
    """The folders of splits in a folder; empty where it has no folder for training.

    Raises:
        DataError: two folders are of the same split, or there are folders of splits and none for training.
    """
    found: dict[str, Path] = {}
    for folder in _folders(path):
        for split, spellings in SPELLINGS.items():
            if folder.name.lower() in spellings:
                if split in found:
                    problem = f"both {found[split].name!r} and {folder.name!r} are folders for {split}"
                    raise DataError(path, problem=problem, remedy="leave one")
                found[split] = folder
    if found and "train" not in found and len(found) == len(_folders(path)):
        remedy = "add the folder train, or give a folder of classes"
        raise DataError(path, problem=f"has {listed(one.name for one in found.values())} and no 'train'", remedy=remedy)
    return found if "train" in found else {}


def read_classes(path: Path) -> Labelled:
    """A folder with a folder for each class, in which pictures may lie at any depth.

    Hidden files and folders are left out. Classes and files come in the order of their names, as plain text.

    Raises:
        DataError: there is no such folder, or no folder of a class in it.
    """
    _check_folder(path)
    classes = _folders(path)
    if not classes:
        pictures = sum(1 for _ in walk(path))
        problem = f"has {pictures:,} pictures and no folders" if pictures else "has no folders of pictures"
        raise DataError(path, problem=problem, remedy="put the pictures of each class into a folder of its name")
    read = Labelled(str(path))
    for folder in classes:
        pictures_of_class = list(walk(folder, read.others))
        if not pictures_of_class:
            read.empty.append(folder.name)
        read.paths += pictures_of_class
        read.classes += [folder.name] * len(pictures_of_class)
    if not read.paths:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in read.others.most_common(3))
        problem = f"has no pictures{f', only {kinds}' if kinds else ''}"
        raise DataError(path, problem=problem, remedy=f"pictures end in {', '.join(EXTENSIONS)}")
    return read


def walk(path: Path, others: Counter[str] | None = None) -> Iterator[Path]:
    """Pictures in a folder at any depth, in the order of their names; hidden ones are left out.

    Args:
        path: the folder; links are followed.
        others: gets the extensions of files that are no pictures.
    """
    seen: set[str] = set()
    for folder, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else sorted(name for name in folders if not hidden(name))
        if real in seen:  # a link to a folder above it
            continue
        seen.add(real)
        for name in sorted(files):
            if hidden(name):
                continue
            suffix = Path(name).suffix.lower()
            if suffix in EXTENSIONS:
                yield Path(folder, name)
            elif others is not None:
                others[suffix or "files without extension"] += 1


def hidden(name: str) -> bool:
    """Whether a file or folder is not for eyes: what begins with a point, and what archives of a Mac bring along."""
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")


def _folders(path: Path) -> list[Path]:
    _check_folder(path)
    return sorted((one for one in path.iterdir() if one.is_dir() and not hidden(one.name)), key=lambda one: one.name)


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        raise DataError(path, problem=f"no such folder{where}", remedy="check the path")
