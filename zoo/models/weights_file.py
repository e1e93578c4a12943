"""Weights in a file: tensors by name, and what travels with them; read without ever running code."""

from __future__ import annotations

import http.client
import json
import pickle
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.errors import ConfigError, DataError

#: Where the tensors are, in a file that holds more than them.
NESTS = ("state_dict", "model_state_dict", "model")
#: What wrappers put before the names of the tensors: DataParallel, torch.compile, Lightning modules, models of parts.
WRAPPERS = ("module.", "_orig_mod.", "model.")
#: Seconds without a byte after which a download is given up.
PATIENCE = 20.0

_PREPROCESSING = ("size", "resize", "interpolation", "mean", "std")


@dataclass(frozen=True)
class Weights:
    """Weights, as they were found.

    Attributes:
        source: the file's path, for people.
        state: the tensors by the names of the file.
        preprocessing: what the file says of its images, of the attributes of `Preprocessing`.
        class_names: of the outputs of its classifier, where the file has them.
        own: whether a model of this toolkit saved it: names are `backbone. ...`, `head. ...`.
    """

    source: str
    state: Mapping[str, Tensor]
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    own: bool = False


def read_weights(path: str | Path) -> Weights:
    """Read a file of weights: `torch.save`'s of any age, or safetensors.

    The tensors may be at the top, or under `state_dict`, `model_state_dict` or `model`; a checkpoint of a run is one
    such. What the file says of its images and classes is respected: under `zoo` or `meta`, or in the metadata of
    safetensors, the keys `class_names`, `size`, `resize`, `interpolation`, `mean`, `std` (these five also under
    `preprocessing`).

    Raises:
        ConfigError: there is no such file, or safetensors is not installed.
        DataError: it is damaged, holds anything but plain data, or no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError("model.weights", f"no such file: {path}", "give a file (.pth, .safetensors) or none")
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    state = _tensors(content)
    if not state:
        keys = ", ".join(map(repr, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
        raise DataError(path, problem=f"holds no tensors by name (it has {keys})", remedy="save model.state_dict()")
    names = {unwrapped(name): name for name in state}
    own = {"normalise.mean", "normalise.std"} <= set(names)
    meta = _meta(content)
    if own:
        meta |= {key: state[names[f"normalise.{key}"]].tolist() for key in ("mean", "std")}
    classes = meta.get("class_names")
    return Weights(
        str(path),
        state,
        {key: meta[key] for key in _PREPROCESSING if meta.get(key) is not None},
        tuple(map(str, classes)) if isinstance(classes, list | tuple) else None,
        own,
    )


def unwrapped(name: str) -> str:
    """A tensor's name without what wrappers put before it."""
    while (prefix := next((one for one in WRAPPERS if name.startswith(one)), None)) is not None:
        name = name.removeprefix(prefix)
    return name


def _torch(path: Path) -> Any:
    """What `torch.save` wrote.

    Raises:
        DataError: it cannot be read as plain data and tensors.
    """
    try:
        with torch.device("cpu"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if (found := re.search(r"GLOBAL ([\w.]+)", str(error))) is None:
            raise DataError(path, problem="damaged, or no file of weights", remedy="fetch it again") from error
        raise DataError(
            path,
            problem=f"refused: it holds {found[1]} beside plain data and tensors, and loading that could run code",
            remedy="save model.state_dict() alone where the file was made",
        ) from error
    except Exception as error:
        cause = f"{type(error).__name__}: {error}".splitlines()[0].partition(". ")[0]
        raise DataError(path, problem=f"damaged, or no file of weights ({cause})", remedy="fetch it again") from error


def _safetensors(path: Path) -> dict[str, Any]:
    """Tensors under `state_dict`, the header's metadata, decoded where it is JSON, under `meta`.

    Raises:
        ConfigError: safetensors is not installed.
        DataError: the file is damaged.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        remedy = "pip install 'attention-zoo[safetensors]'"
        raise ConfigError("model.weights", f"{path} needs the package safetensors", remedy) from error
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            meta = {key: _decoded(value) for key, value in (file.metadata() or {}).items()}
    except (SafetensorError, OSError) as error:
        raise DataError(path, problem=f"no readable safetensors file ({error})", remedy="fetch it again") from error
    return {"state_dict": state, "meta": {**meta, **(_part(meta, "zoo") or _part(meta, "meta"))}}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _tensors(content: Any) -> dict[str, Tensor]:
    """The tensors of the file, wherever they are nested."""
    while isinstance(content, Mapping):
        found = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        nest = next((key for key in NESTS if isinstance(content.get(key), Mapping)), None)
        if nest is None:
            return found
        content = content[nest]
    return {}


def _meta(content: Any) -> dict[str, Any]:
    """What the file says beside its tensors, in one flat mapping."""
    if not isinstance(content, Mapping):
        return {}
    said = _part(content, "zoo") or _part(content, "meta")
    data, facts = _part(said, "data"), _part(said, "facts")  # of a run's checkpoint
    classes = {"class_names": facts["class_names"]} if "class_names" in facts else {}
    return {**said, **classes, **(_part(said, "preprocessing") or _part(data, "preprocessing"))}


def _part(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = content.get(key)
    return found if isinstance(found, Mapping) else {}


def fetched(url: str, key: str = "model.weights") -> Path:
    """The file behind an address, from torch's cache or fetched into it; its hash is checked against its name.

    Args:
        url: ends in a name such as `resnet18-f37072fd.pth`.
        key: of the option that asked for it.

    Raises:
        ConfigError: it is not in the cache and cannot be fetched; says where to put it.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if path.is_file():
        return path
    digest = re.search(r"-([a-f0-9]{8,})\.", path.name)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), digest and digest[1], progress=sys.stderr.isatty())
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        cause = str(getattr(error, "reason", None) or error).splitlines()[0]
        remedy = f"put the file at {path}, or give {key}=FILE or {key}=none"
        raise ConfigError(key, f"{url} cannot be fetched ({cause})", remedy) from error
    finally:
        socket.setdefaulttimeout(before)
    return path
