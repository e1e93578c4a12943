"""Checks of the package around a component: its entry point, its YAML presets, its wheel."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import yaml

from zoo.config.installed import conf_folder, registry
from zoo.config.presets import package_folder
from zoo.registry import CONF_GROUP, GROUPS, ZooError, normalized
from zoo.testing.subject import Subject, top_package
from zoo.testing.suite import Nonconformity, NotApplicable
from zoo.testing.wheel import CannotBuild, source_folder, wheel_names

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_PACKAGE_DATA = '[tool.setuptools.package-data] with "*" = ["**/*.yaml"]'


def entry_point_name(subject: Subject) -> None:
    """An entry point leads to the target, and the presets of its distribution select it by that name."""
    group = GROUPS[subject.kind]
    if not subject.registered:
        raise Nonconformity(
            f"no installed distribution declares {subject.target} in {group}",
            f'add NAME = "{subject.target}" to [project.entry-points."{group}"] and install the package',
        )
    for one in subject.registered:
        if not _NAME.fullmatch(one.name):
            raise Nonconformity(
                f"{one.name!r} cannot be written as {subject.kind}={one.name}",
                "use letters, digits, '_', '-' and '.' only",
            )
        if one.status != "ok":
            raise Nonconformity(f"{subject.kind}={one.name} does not lead to it: {one.status}, {one.reason}")
        if one.builtin:
            folder: Path | None = conf_folder()
        else:
            folder = _declared_folder(one.distribution)
        for file in sorted((folder / subject.kind).glob("*.yaml")) if folder else ():
            _check_preset(subject.kind, file, one.name)


def _check_preset(kind: str, file: Path, entry_point: str) -> None:
    """A preset must select an installed component, and one that has an entry point's name must select that."""
    selected = _selected(kind, file)
    where = f"{kind}/{file.name}"
    for name in selected:
        try:
            registry().get(kind, name)
        except ZooError as error:
            raise Nonconformity(
                f"{where} selects {name!r}, and no entry point has that name ({error})",
                f"make the two agree; this component's entry point is {entry_point!r}",
            ) from error
    if len(selected) > 1:
        raise Nonconformity(f"{where} selects {' and '.join(map(repr, selected))}", "let `name` be the schema's")
    if file.stem == entry_point and selected and selected != [entry_point]:
        raise Nonconformity(f"{where} selects {selected[0]!r} and hides {kind}={entry_point}", "rename the file")


def _selected(kind: str, file: Path) -> list[str]:
    """The components that a preset names, in its defaults list and under `name`."""
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise Nonconformity(f"{kind}/{file.name} is no plain YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        return []
    defaults = content.get("defaults") or []
    keys = [str(key) for entry in defaults for key in (entry if isinstance(entry, dict) else [entry])]
    schema = re.compile(rf"/?schema/{kind}/([^@]+)(@.*)?")
    names = [match.group(1) for key in keys if (match := schema.fullmatch(key))]
    if isinstance(content.get("name"), str) and "${" not in content["name"]:
        names.append(content["name"])
    return list(dict.fromkeys(names))


def yaml_in_wheel(subject: Subject) -> None:
    """The package of presets that the distribution declares has YAML files, in the wheel too."""
    if not subject.registered:
        raise NotApplicable("no distribution declares this target")
    owner = subject.component
    if owner.builtin:
        raise NotApplicable("the presets of the toolkit itself are compared with the wheel elsewhere")
    declared = _declared(owner.distribution)
    if declared is None:
        _refuse_undeclared(subject.target)
        raise NotApplicable(f"{owner.distribution} declares no {CONF_GROUP} entry point, so it ships no presets")
    folder = package_folder(declared)
    if folder is None:
        raise Nonconformity(
            f"{CONF_GROUP} leads to {declared}, and there is no such package", f"declare it: {_PACKAGE_DATA}"
        )
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.yaml"))
    if not files:
        raise Nonconformity(f"no YAML file in {declared}", f"declare them as package data: {_PACKAGE_DATA}")
    prefix = declared.replace(".", "/")
    shipped = _shipped(owner.distribution)
    missing = [f"{prefix}/{name}" for name in files if f"{prefix}/{name}" not in shipped]
    if missing:
        raise Nonconformity(f"the wheel lacks {', '.join(missing)}", f"declare them as package data: {_PACKAGE_DATA}")


def _shipped(name: str) -> frozenset[str]:
    """The files of a distribution: of its wheel, built now where the installation is editable."""
    metadata = distribution(name)
    source = source_folder(metadata)
    if source is None:
        if metadata.files is None:
            raise NotApplicable(f"the metadata of {name} list no files (RECORD is missing)")
        return frozenset(file.as_posix() for file in metadata.files)
    try:
        return wheel_names(source, metadata.version)
    except CannotBuild as error:
        raise NotApplicable(f"the installation is editable and its wheel cannot be built here: {error}") from error


def _declared(name: str) -> str | None:
    """The package of presets that a distribution's metadata name."""
    return next((entry.value for entry in _entries(name) if entry.group == CONF_GROUP), None)


def _declared_folder(name: str) -> Path | None:
    package = _declared(name)
    return package_folder(package) if package else None


def _entries(name: str) -> Iterator[Any]:
    try:
        found: Distribution = distribution(normalized(name))
    except PackageNotFoundError:
        return
    yield from found.entry_points


def _refuse_undeclared(target: str) -> None:
    """A folder conf/ with YAML beside the target that no entry point names is a forgotten one."""
    top = top_package(target)
    spec = importlib.util.find_spec(top)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        if any(Path(root, "conf").rglob("*.yaml")):
            raise Nonconformity(
                f"{top}/conf holds YAML files, and no entry point declares it",
                f'add presets = "{top}.conf" to [project.entry-points."{CONF_GROUP}"]',
            )
