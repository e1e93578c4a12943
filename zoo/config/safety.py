"""Nothing in a configuration may run: no `_target_`, no YAML tags, no path that climbs out of its folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hydra.core.config_store import ConfigNode, ConfigStore
from omegaconf import DictConfig, OmegaConf

from zoo.errors import ConfigError

#: Keys that Hydra or jsonargparse would turn into a call.
FORBIDDEN_KEYS = frozenset({"_target_", "_partial_", "_args_", "_recursive_", "_convert_", "class_path"})
_IN_OVERRIDE = re.compile("|".join(rf"(?<!\w){key}(?!\w)" for key in sorted(FORBIDDEN_KEYS)))


def refuse_targets(node: Any, where: str, key: str = "") -> None:
    """Walk a plain configuration and refuse a key that names code.

    Args:
        node: dicts, lists and scalars.
        where: the file or command line it came from.
        key: the path walked so far.

    Raises:
        ConfigError: such a key stands anywhere in it.
    """
    if isinstance(node, dict):
        for name, value in node.items():
            full = f"{key}.{name}" if key else str(name)
            if name in FORBIDDEN_KEYS:
                raise ConfigError(where, f"{full} is refused: configurations name components, never code")
            refuse_targets(value, where, full)
    elif isinstance(node, list | tuple):
        for position, value in enumerate(node):
            refuse_targets(value, where, f"{key}[{position}]")


def refuse_override(override: str) -> None:
    """Refuse a command-line override that names code or climbs out of the configuration folders.

    Raises:
        ConfigError: it does.
    """
    key, _, value = override.partition("=")
    as_key = re.search(rf"(?:{_IN_OVERRIDE.pattern})\s*['\"]?\s*:", value)
    if found := _IN_OVERRIDE.search(key) or as_key or ("${" in value and _IN_OVERRIDE.search(value)):
        name = _IN_OVERRIDE.search(found.group())
        assert name is not None
        raise ConfigError(override, f"{name.group()} is refused: configurations name components, never code")
    key = key.lstrip("+~")
    if key == "hydra.searchpath":
        raise ConfigError(override, "refused", "give the folder of your own presets with --config-dir FOLDER")


#: The parts of Hydra's own node that it instantiates or hands to `logging`.
_INSTANTIATED = ("callbacks", "launcher", "sweeper", "job_logging", "hydra_logging")
#: Text in which nothing is interpolated but the strings and numbers of Hydra's own node, and the time.
_HARMLESS = re.compile(
    r"([^$]|\$(?!\{)|\$\{now:[^${}]*\}|\$\{hydra\.(run\.dir|sweep\.(dir|subdir)|job\.(name|num|id|override_dirname)|"
    r"runtime\.(output_dir|cwd)|verbose)\})*"
)
#: What a logging configuration of Hydra's names.
_LOGGING = {
    "class": frozenset({"logging.StreamHandler", "logging.FileHandler", "logging.NullHandler", "logging.Formatter"}),
    "()": frozenset({"colorlog.ColoredFormatter"}),
}
_STREAMS = frozenset({"ext://sys.stdout", "ext://sys.stderr"})


def refuse_in_hydra(composed: DictConfig) -> None:
    """Refuse code in Hydra's own node, the one part of a configuration that Hydra does instantiate.

    Presets may set it, and an interpolation may put together there what no file and no override spells out; so
    it is read as it stands, nothing resolved. What installed launchers and sweepers registered is let through.

    Args:
        composed: the whole composition, Hydra's node included.

    Raises:
        ConfigError: a callback, a target or logging class of another origin, or an interpolation of other things.
    """
    raw = OmegaConf.to_container(composed, resolve=False)
    hydra = raw.get("hydra") if isinstance(raw, dict) else None
    if not isinstance(hydra, dict):
        raise ConfigError("hydra", "refused", "set single keys of it")
    if hydra.get("callbacks"):
        raise ConfigError("hydra.callbacks", "refused: nothing in a configuration may run", "use callback=NAME")
    registered = {value for key, value in _leaves(ConfigStore.instance().repo) if key == "_target_"}
    for part in _INSTANTIATED:
        for key, value in _leaves(hydra.get(part), part):
            named = key in _LOGGING and part.endswith("logging") and value not in _LOGGING[key]
            reference = value.startswith(("ext://", "cfg://")) and value not in _STREAMS
            if named or reference or (key == "_target_" and value not in registered):
                raise ConfigError(f"hydra.{part}", f"{key}: {value} is refused: nothing in a configuration may run")
            if not _HARMLESS.fullmatch(value):
                raise ConfigError(f"hydra.{part}", f"{key}: {value} is refused", "write it without interpolation")


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every scalar as text, with the key it stands under; of plain data, or of Hydra's store of configs."""
    if isinstance(node, ConfigNode):
        node = OmegaConf.to_container(node.node, resolve=False)
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _leaves(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value, key)
    else:
        yield key, str(node)
