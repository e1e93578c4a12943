"""Weights of timm: fetched from where timm keeps them, and in the names of its present networks."""

from __future__ import annotations

import dataclasses
import socket
import sys
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import timm
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import nn
from zoo.errors import ConfigError
from zoo.models.weights_file import Weights, fetched, read_weights, unwrapped

#: Seconds until an address that does not answer is given up.
_PATIENCE = 10.0


def fetched_weights(backbone: str) -> Weights:
    """A backbone's pretrained weights, from the cache of the hub or fetched into it.

    Raises:
        ConfigError: timm has none that torch can read, or they cannot be fetched.
        DataError: the file is damaged.
    """
    known: Any = timm.get_pretrained_cfg(backbone)
    remedy = "give model.weights=FILE or model.weights=none"
    if not known.has_weights:
        raise ConfigError("model.weights", f"timm has no weights for {backbone}", remedy)
    if known.custom_load == "hf" or (known.custom_load and not known.hf_hub_id):
        raise ConfigError("model.weights", f"those of {backbone} are in the format of another library", remedy)
    if not known.hf_hub_id:
        return read_weights(fetched(known.url))
    repository, _, revision = known.hf_hub_id.partition("@")
    return read_weights(_from_hub(repository, known.hf_hub_filename or "model.safetensors", revision or None))


def _from_hub(repository: str, file: str, revision: str | None) -> str:
    """A file of the hub, on this machine.

    Raises:
        ConfigError: it is not in the cache and cannot be fetched.
    """
    try:
        return str(hf_hub_download(repository, file, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        _require_network()
        return str(hf_hub_download(repository, file, revision=revision))
    except Exception as error:  # the hub's own, its http client's, the disk's: any of them, and all mean the same
        address = f"{constants.ENDPOINT}/{repository}/resolve/{revision or 'main'}/{file}"
        cause = str(error).strip().partition("\n")[0] or type(error).__name__
        remedy = "fetch it elsewhere and give model.weights=FILE, or give model.weights=none"
        raise ConfigError("model.weights", f"{address} cannot be fetched ({cause})", remedy) from error


def _require_network() -> None:
    """A connection to the hub, tried once: its client would try for the better part of a minute.

    Raises:
        OSError: there is none.
    """
    address = urlsplit(constants.ENDPOINT)
    if urllib.request.getproxies() or address.hostname is None:
        return  # only the client knows the way through a proxy
    port = address.port or (80 if address.scheme == "http" else 443)
    socket.create_connection((address.hostname, port), _PATIENCE).close()


def translated(weights: Weights, network: nn.Module) -> Weights:
    """Weights in the names of the network, where their file is older than it or of the authors' making.

    timm keeps a function for that, `checkpoint_filter_fn`, in the modules of its networks. Files of a run, and those
    that fit as they are, stay as they are.
    """
    state = {unwrapped(name): tensor for name, tensor in weights.state.items()}
    wanted = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    function: Any = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if weights.own or wanted <= set(state) or function is None:
        return weights
    try:
        return dataclasses.replace(weights, state=dict(function(state, network)))
    except Exception:  # of another network altogether: loading says what is missing
        return weights
