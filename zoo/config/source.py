"""Where Hydra finds configurations: one source, `zoo://`, for presets and components alike.

Presets are YAML files: of the folder given with `--config-dir`, of the toolkit's own conf/, and of plugins.
Components need no file: their options are derived from the constructor of the one that is selected, which is
the only one imported. The source is registered by the toolkit's own commands alone, so other Hydra
applications in the same environment never see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from zoo.config.decode import decode_options
from zoo.config.groups import PRESETS, SEVERAL, user_options
from zoo.config.installed import registry
from zoo.config.presets import Preset, find_preset, list_presets, preset_groups
from zoo.config.safety import refuse_targets
from zoo.config.schema import structured
from zoo.config.trainer import trainer_options
from zoo.errors import ConfigError
from zoo.registry import GROUPS, Option, UnknownComponentError, options

_SAFE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*(/[A-Za-z0-9_][A-Za-z0-9_.:-]*)*")

#: Options of groups that hold presets alone.
_SCHEMAS: dict[str, Callable[[], dict[str, Option]]] = {
    "schema/trainer/lightning": trainer_options,
    "schema/decode/search": decode_options,
}
#: The folder of `--config-dir`, searched before everything else.
_user_folder: Path | None = None
#: Whether Hydra is composing for us.
_searching = False


@contextmanager
def searching(user_folder: Path | None = None) -> Iterator[None]:
    """Make Hydra look here for the time being; other Hydra applications of the process never do.

    Args:
        user_folder: a folder of further presets, searched first.
    """
    global _user_folder, _searching
    before = _user_folder, _searching
    plugins = Plugins.instance()
    plugins.register(ZooConfigSource)
    plugins.register(ZooSearchPath)
    _user_folder, _searching = user_folder, True
    try:
        yield
    finally:
        _user_folder, _searching = before


class ZooSearchPath(SearchPathPlugin):
    """Puts `zoo://` on Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Hydra's hook."""
        if _searching:
            search_path.append(provider="zoo", path="zoo://")


class ZooConfigSource(ConfigSource):
    """Answers Hydra's questions from files and metadata; imports only the component that is loaded."""

    @staticmethod
    def scheme() -> str:
        """The prefix of this source's paths."""
        return "zoo"

    def available(self) -> bool:
        """It always is."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Whether there is such a group."""
        if config_path in ("", "schema", "schema/trainer", "schema/decode", *GROUPS, *PRESETS):
            return True
        head, _, kind = config_path.partition("/")
        return (head == "schema" and kind in GROUPS) or config_path in preset_groups(_user_folder)

    def is_config(self, config_path: str) -> bool:
        """Whether there is such a configuration. An ambiguous name is one: loading it explains."""
        path = _checked(config_path)
        if path in _SCHEMAS or find_preset(path, _user_folder) is not None:
            return True
        kind, name = _component(path)
        if kind is None:
            return False
        try:
            registry().get(kind, name)
        except UnknownComponentError:
            return any(one.name == name.rpartition(":")[2] for one in registry().components(kind))
        return True

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Names under a group."""
        found: set[str] = set()
        if results_filter != ObjectType.CONFIG:
            prefix = f"{config_path}/" if config_path else ""
            every = {*GROUPS, *preset_groups(_user_folder)}
            found |= {one[len(prefix) :] for one in every if one.startswith(prefix) and one != config_path}
            found = {one for one in found if "/" not in one}
        if results_filter != ObjectType.GROUP:
            found |= set(choices(config_path))
        return sorted(found)

    def load_config(self, config_path: str) -> ConfigResult:
        """One configuration: a preset file, or a component's derived options."""
        path = _checked(config_path)
        if path in _SCHEMAS:
            return self._result(structured(PurePosixPath(path).parts[1], _SCHEMAS[path]()))
        preset = find_preset(path, _user_folder)
        if preset is not None:
            return self._read(preset)
        kind, name = _component(path)
        assert kind is not None, f"Hydra asked for {path} without is_config"
        return self._result(_derived(kind, name))

    def _read(self, preset: Preset) -> ConfigResult:
        try:
            text = preset.path.read_text(encoding="utf-8")
            config = OmegaConf.load(preset.path)
        except Exception as error:
            problem = " ".join(str(error).split())
            raise ConfigError(str(preset.path), f"not a plain YAML file: {problem}") from error
        if not isinstance(config, DictConfig):
            raise ConfigError(str(preset.path), "expected keys and values")
        refuse_targets(OmegaConf.to_container(config, resolve=False), str(preset.path))
        return self._result(config, ConfigSource._get_header_dict(text[:512]))

    def _result(self, config: Any, header: dict[str, str | None] | None = None) -> ConfigResult:
        return ConfigResult(provider=self.provider, path="zoo://", config=config, header=header or {"package": None})


def choices(group: str) -> list[str]:
    """What may stand on the right of `group=`."""
    kind = group.removeprefix("schema/")
    names = set(registry().names(kind)) if kind in GROUPS else set()
    return sorted(names | set(list_presets(group, _user_folder)))


def _derived(kind: str, name: str) -> Any:
    """The node of a component: its name, and every option with its default."""
    component = registry().get(kind, name)
    class_name = re.sub(r"\W", "_", component.name)
    node = structured(class_name, user_options(kind, options(component)), component=name)
    if kind in SEVERAL:
        return OmegaConf.create({component.name: node})
    return node


def _component(path: str) -> tuple[str | None, str]:
    """`model/mlp` or `schema/model/mlp` as kind and name; the kind is `None` for any other path."""
    parts = PurePosixPath(path.removeprefix("schema/")).parts
    if len(parts) == 2 and parts[0] in GROUPS:
        return parts[0], parts[1]
    return None, ""


def _checked(path: str) -> str:
    """The path, when it can lead nowhere outside the configuration folders."""
    if not _SAFE_PATH.fullmatch(path) or ".." in path:
        raise ConfigError(path, "not a name of a configuration: letters, digits, '_', '-', '.' and ':' only")
    return path.removesuffix(".yaml")
