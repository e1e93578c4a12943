"""Checkpoint files: plain data and tensors, written at once or not at all, never loaded unsafely."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from zoo.errors import RunError
from zoo.runs.folder import RunFolder

_SCALARS = (str, int, float, bool, bytes, type(None))
#: What every checkpoint's entry `zoo` holds.
_HEADER = {"config": dict, "components": list, "facts": dict, "data": dict}


def write_checkpoint(checkpoint: dict[str, Any], path: Path, *, keep: Path | None = None) -> None:
    """Write a checkpoint atomically: a reader sees the old file or the new one, never a part.

    Args:
        checkpoint: containers, scalars and tensors only.
        path: the file to (re)place.
        keep: where the replaced file goes, so that two generations exist.

    Raises:
        RunError: the disk is full or the folder cannot be written; the files that were there are untouched.
        TypeError: the checkpoint holds an object that a safe reader would refuse.
    """
    if (where := first_object(checkpoint)) is not None:
        raise TypeError(f"checkpoint{where} is no plain data; a safe reader would refuse it")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)  # of a process that was killed while it wrote
    try:
        with temporary.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            spare = keep.with_name(f".{keep.name}.{os.getpid()}")
            spare.unlink(missing_ok=True)
            os.link(path, spare)
            os.replace(spare, keep)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        kept = "; the previous checkpoint is untouched" if path.exists() else ""
        remedy = f"free space, then resume={path.parent.parent}"
        raise RunError(path, f"could not be written ({reason}){kept}", remedy) from error


def first_object(value: Any, where: str = "") -> str | None:
    """The place of the first thing in a checkpoint that is neither container, scalar nor tensor."""
    if isinstance(value, torch.Tensor) or type(value) in _SCALARS:
        return None
    if isinstance(value, dict):
        items: Any = value.items()
    elif type(value) in (list, tuple, set) or isinstance(value, torch.Size):
        items = enumerate(value)
    elif isinstance(value, torch.dtype | torch.device):
        return None
    else:
        return f"{where} ({type(value).__module__}.{type(value).__qualname__})"
    for key, item in items:
        if (found := first_object(item, f"{where}[{key!r}]")) is not None:
            return found
    return None


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint. Whatever is not plain data is refused; nothing falls back to unsafe loading.

    Raises:
        RunError: the file is missing, damaged, holds code, or is no checkpoint of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise RunError(path, "no such checkpoint")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            scripted = any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise RunError(path, "damaged, or not a checkpoint of ours (no zip archive)") from error
    if damaged is not None:
        raise RunError(path, f"damaged: {damaged} fails its checksum")
    if scripted:
        raise RunError(path, "refused: it holds code (a TorchScript archive)")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise RunError(path, f"refused: it holds {_global_in(error)} beside plain data and tensors") from error
    except Exception as error:
        raise RunError(path, f"cannot be read: {type(error).__name__}: {str(error).splitlines()[0]}") from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("zoo"), dict):
        raise RunError(path, "no checkpoint of ours (it has no entry 'zoo')")
    for foreign in ("hyper_parameters", "datamodule_hyper_parameters"):
        if foreign in checkpoint:
            raise RunError(path, f"refused: it has {foreign!r}, which a run never writes")
    for key, kind in _HEADER.items():
        if not isinstance(checkpoint["zoo"].get(key), kind):
            raise RunError(path, f"no checkpoint of ours (its entry 'zoo' has no {key!r})")
    return checkpoint


def _global_in(error: Exception) -> str:
    """What the pickle wanted to call, from torch's message."""
    for word in str(error).replace("`", " ").split():
        if word.count(".") and word.startswith(("GLOBAL", "__", "os", "posix", "nt", "builtins", "sub")):
            return f"code ({word.strip('.,')})"
    return "code"


def newest_readable(folder: RunFolder) -> tuple[Path | None, list[str]]:
    """The checkpoint to resume from, and a sentence for each newer one that is damaged.

    Raises:
        RunError: there are checkpoints, and none can be read.
    """
    present = [path for path in (folder.last, folder.previous) if path.is_file()]
    damaged = []
    for path in present:
        try:
            read_checkpoint(path)
        except RunError as error:
            damaged.append(str(error))
            continue
        return path, damaged
    if present:
        raise RunError(folder.path, "no checkpoint of it can be read", " / ".join(damaged))
    return None, []
