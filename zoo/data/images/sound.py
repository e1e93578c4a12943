"""Which of the pictures found can be used: those that can be decoded, and those that no other split has."""

from __future__ import annotations

from pathlib import Path

from zoo.data.arrays import ArrayStore
from zoo.data.images.content import ContentKeys, in_threads
from zoo.data.images.folders import Labelled
from zoo.data.images.pixels import DETAIL, Pixels
from zoo.data.images.splits import same_pictures
from zoo.errors import DataError


def decodable(pictures: Labelled, pixels: Pixels, folder: Path | None, *, skip: bool, notes: list[str]) -> Labelled:
    """Those that can be decoded; they are decoded now, and kept where the pixels are.

    Args:
        pictures: as found.
        pixels: what they become.
        folder: where keys of files are remembered.
        skip: whether to leave others out, rather than stop.
        notes: gets a sentence on what was left out.

    Raises:
        DataError: one cannot be decoded, and is not to be skipped.
    """
    keys = ContentKeys(folder).of(pictures.paths)

    def fault(place: int) -> DataError | None:
        try:
            pixels.of(pictures.paths[place], keys[place])
        except DataError as error:
            return error
        return None

    faults = in_threads(fault, range(len(pictures)))
    found = [one for one in faults if one is not None]
    if found and not skip:
        more = f"; {len(found) - 1:,} more like it" if len(found) > 1 else ""
        raise DataError(found[0].path, problem=str(found[0]).removeprefix(f"{found[0].path}: ") + more)
    if found:
        first = ", ".join(str(one).split("; ")[0] for one in found[:3])
        notes.append(f"{len(found):,} pictures of {pictures.label} are left out: {first}")
    return pictures.chosen([place for place, one in enumerate(faults) if one is None])


def store_with_room(
    store: ArrayStore | None, count: int, channels: int, resize: int, notes: list[str]
) -> ArrayStore | None:
    """The store, unless so many pictures would fill the disk.

    Args:
        store: of resized pictures.
        count: of pictures.
        channels: of each.
        resize: short side for evaluation, in pixels; pictures of a camera are half as long again.
        notes: gets a sentence where there is no room.
    """
    needed = round(count * channels * 1.5 * (1 + DETAIL**2) * resize**2)
    if store is None or store.room_for(needed):
        return store
    notes.append(f"{needed / 1e9:.1f} GB for resized pictures are not to be had; each is decoded every time")
    return None


def distinct(
    splits: dict[str, Labelled], folder: Path | None, duplicates: str, notes: list[str]
) -> tuple[dict[str, Labelled], dict[str, list[str]]]:
    """What two splits have is said, refused or dropped.

    Args:
        splits: pictures by split.
        folder: where keys of files are remembered.
        duplicates: `warn`, `error` or `drop`.
        notes: gets a sentence on what was found.

    Returns:
        Pictures, and keys of what is in their files, by split.

    Raises:
        DataError: two splits have the same picture, and that is an error.
    """
    splits = dict(splits)
    keys = {split: ContentKeys(folder).of(pictures.paths) for split, pictures in splits.items()}
    for split, same in same_pictures(keys).items():
        place, other, there = same[0]
        example = f"{splits[split].paths[place]} and {splits[other].paths[there]}"
        sentence = f"{len(same):,} pictures of {split} are in {'val or test' if split == 'train' else 'test'} too"
        if duplicates == "error":
            raise DataError(example, problem=sentence, remedy="remove them, or set data.duplicates=drop")
        if duplicates == "drop":
            gone = {place for place, *_ in same}
            kept = [place for place in range(len(splits[split])) if place not in gone]
            splits[split], keys[split] = splits[split].chosen(kept), [keys[split][one] for one in kept]
            sentence += ", and dropped from it"
        notes.append(f"{sentence}: {example}")
    return splits, keys
