"""YAML presets: files under a group's folder, in the toolkit's conf/, in plugins, and in the user's folder."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from zoo.config.installed import conf_folder, registry
from zoo.registry import HOST, AmbiguousComponentError, ConfPackage, Problem, normalized


@dataclass(frozen=True)
class Preset:
    """One YAML file: its configuration path (`model/luong`), the file, and who ships it."""

    name: str
    path: Path
    distribution: str


def package_folder(package: str) -> Path | None:
    """The folder of a dotted package, found without importing any part of it; `None` where there is none."""
    top, *rest = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    return _descend(spec, rest)


def _descend(spec: importlib.machinery.ModuleSpec, rest: list[str]) -> Path | None:
    for root in spec.submodule_search_locations or ():
        folder = Path(root).joinpath(*rest)
        if folder.is_dir():
            return folder
    return None


def _plugin_presets(package: ConfPackage) -> dict[str, Preset]:
    folder = package_folder(package.package)
    return _presets_in(folder, package.distribution) if folder else {}


def _presets_in(folder: Path, distribution: str) -> dict[str, Preset]:
    files = sorted(folder.rglob("*.yaml"))
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    return {name: Preset(name, file, distribution) for name, file in zip(names, files, strict=True)}


def own_presets() -> dict[str, Preset]:
    """The toolkit's own files, by configuration path."""
    return _presets_in(conf_folder(), HOST)


def list_presets(group: str, user_folder: Path | None = None) -> list[str]:
    """Names of the presets of one group that a command line can select."""
    found = {name for name in _all(user_folder) if name.rpartition("/")[0] == group}
    return sorted(name.rpartition("/")[2] for name in found)


def preset_groups(user_folder: Path | None = None) -> set[str]:
    """Every folder that holds a preset."""
    return {name.rpartition("/")[0] for name in _all(user_folder)} - {""}


def find_preset(path: str, user_folder: Path | None = None) -> Preset | None:
    """The file that a configuration path means.

    The user's folder comes first, then ours. A plugin's comes last, and only where no built-in has the name
    and no other plugin claims it; `group/dist:name` leads to it in any case.

    Raises:
        AmbiguousComponentError: two plugins ship the same path, or one ships it and another a component of it.
    """
    if user_folder is not None and path in (users := _presets_in(user_folder, "--config-dir")):
        return users[path]
    if path in (ours := own_presets()):
        return ours[path]
    group, _, name = path.rpartition("/")
    distribution, colon, bare = name.rpartition(":")
    found = [presets[f"{group}/{bare}"] for presets in _of_plugins() if f"{group}/{bare}" in presets]
    if colon:
        return next((one for one in found if normalized(one.distribution) == normalized(distribution)), None)
    others = _claims_of_others(group, name, {one.distribution for one in found})
    if not found or HOST in others:
        return None
    claimants = sorted({one.distribution for one in found} | others)
    if len(claimants) > 1:
        options = " or ".join(f"{group}={normalized(one)}:{name}" for one in claimants)
        raise AmbiguousComponentError(group, name, f"provided by more than one plugin; choose {options}")
    return found[0]


def every_preset() -> list[Preset]:
    """Ours and every active plugin's, by path."""
    return [*own_presets().values(), *(preset for presets in _of_plugins() for preset in presets.values())]


def idle_preset(path: str) -> ConfPackage | None:
    """The disabled or incompatible plugin that ships a configuration path, if one does."""
    return next((package for package in registry().idle_conf_packages if path in _plugin_presets(package)), None)


def _of_plugins() -> list[dict[str, Preset]]:
    return [_plugin_presets(package) for package in registry().conf_packages]


def _claims_of_others(group: str, name: str, distributions: set[str]) -> set[str]:
    """Distributions beyond these that provide a usable component of the name."""
    usable = [one for one in registry() if one.kind == group and one.name == name]
    active = {one.distribution for one in usable if one.status in ("ok", "ambiguous", "shadowed")}
    return active - distributions


def _all(user_folder: Path | None) -> set[str]:
    found = set(own_presets()) | {name for presets in _of_plugins() for name in presets}
    return found | (set(_presets_in(user_folder, "")) if user_folder is not None else set())


def preset_problems() -> list[Problem]:
    """What `zoo plugins doctor` says of presets: missing packages, empty ones, and claimed paths."""
    problems = []
    ours = own_presets()
    owners: dict[str, str] = {}
    for package in registry().conf_packages:
        origin = f"{package.distribution} {package.version}"
        if package_folder(package.package) is None:
            problems.append(Problem(origin, f"its preset package {package.package} is not there", "reinstall it"))
            continue
        presets = _plugin_presets(package)
        if not presets:
            remedy = "declare the files as package data, for example package-data = {'*' = ['**/*.yaml']}"
            problems.append(Problem(origin, f"no YAML file in {package.package}", remedy))
        for name in presets:
            if name in ours:
                remedy = f"select it as {name.rpartition('/')[0]}={normalized(package.distribution)}:{Path(name).name}"
                problems.append(Problem(origin, f"its {name}.yaml is shadowed by a built-in preset", remedy))
            elif name in owners:
                problems.append(Problem(origin, f"its {name}.yaml is also shipped by {owners[name]}", "qualify it"))
            owners.setdefault(name, origin)
    return problems
