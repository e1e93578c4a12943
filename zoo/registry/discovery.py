"""Reading entry points from installed metadata, without importing any of their targets."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import Distribution, distributions
from pathlib import Path

from zoo.registry.component import CONF_GROUP, GROUPS, HOST, Component, normalized
from zoo.registry.errors import ZooError

#: Environment variable that switches plugins off or picks some of them.
SWITCH = "ZOO_PLUGINS"

#: (a distribution's `Requires-Dist` line, our version) -> whether the line admits the version.
Admits = Callable[[str, str], bool]


@dataclass(frozen=True)
class Problem:
    """Something `zoo plugins doctor` reports: what it is about, what is wrong, what to do."""

    subject: str
    problem: str
    remedy: str = ""


@dataclass(frozen=True)
class ConfPackage:
    """A distribution's package of YAML presets, named by its one entry point in `zoo.conf`."""

    distribution: str
    version: str
    package: str
    reason: str = ""  #: why it is not used, for one that is not


@dataclass
class Discovery:
    """What one scan of the metadata found."""

    components: list[Component] = field(default_factory=list)
    conf_packages: list[ConfPackage] = field(default_factory=list)
    idle_conf_packages: list[ConfPackage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Switch:
    """The meaning of `ZOO_PLUGINS`: `off`, `-name,…` or `only:name,…`, by distribution name.

    Raises:
        ZooError: any other form.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.only: set[str] | None = None
        self.without: set[str] = set()
        if not self.text:
            return
        if self.text == "off":
            self.only = set()
        elif self.text.startswith("only:"):
            self.only = {normalized(name.strip()) for name in self.text[5:].split(",") if name.strip()}
        else:
            names = [name.strip() for name in self.text.split(",") if name.strip()]
            if not all(name.startswith("-") and len(name) > 1 for name in names):
                raise ZooError(f"{SWITCH}={self.text}: expected off, -name,… or only:name,…")
            self.without = {normalized(name[1:]) for name in names}

    def allows(self, distribution: str) -> bool:
        """Whether a plugin of this distribution may be used. The built-ins always may."""
        name = normalized(distribution)
        return name == HOST or (name not in self.without and (self.only is None or name in self.only))


def discover(
    installed: Iterable[Distribution] | None = None,
    *,
    version: str,
    environ: Mapping[str, str] = os.environ,
    admits: Admits = lambda requirement, version: True,
    checkout: Path | None = None,
) -> Discovery:
    """Every component that installed metadata declares.

    Args:
        installed: the distributions to read; all that `sys.path` reaches by default.
        version: our own version, which plugins may restrict through `Requires-Dist: attention-zoo`.
        environ: where `ZOO_PLUGINS` is looked up, before anything is imported.
        admits: judges such a restriction; everything is admitted by default.
        checkout: a source tree of ours; its pyproject.toml then says what the built-ins are.

    Raises:
        ZooError: `ZOO_PLUGINS` has a form that means nothing.
    """
    switch = Switch(environ.get(SWITCH, ""))
    found = Discovery()
    for distribution in _one_of_each(distributions() if installed is None else installed, found.problems):
        name = distribution.metadata["Name"]
        if checkout is not None and normalized(name) == HOST:
            continue
        _read(distribution, found, switch=switch, version=version, admits=admits)
    if checkout is not None:
        _read_checkout(checkout, found, version)
    found.components = _resolved(found.components)
    return found


def _one_of_each(installed: Iterable[Distribution], problems: list[Problem]) -> list[Distribution]:
    """One distribution a name. An installed `.dist-info` wins over an `.egg-info` left in a source folder."""
    chosen: dict[str, Distribution] = {}
    for distribution in installed:
        try:
            name = distribution.metadata["Name"]
        except Exception:  # unreadable metadata of a foreign package must not stop anybody
            name = None
        if not name:
            continue
        key = normalized(name)
        earlier = chosen.get(key)
        if earlier is None:
            chosen[key] = distribution
        elif _is_egg(earlier) and not _is_egg(distribution):
            chosen[key] = distribution
            _report_stale(earlier, distribution, problems)
        else:
            _report_stale(distribution, earlier, problems)
    return list(chosen.values())


def _is_egg(distribution: Distribution) -> bool:
    return _location(distribution).endswith(".egg-info")


def _location(distribution: Distribution) -> str:
    return str(getattr(distribution, "_path", ""))


def _report_stale(stale: Distribution, chosen: Distribution, problems: list[Problem]) -> None:
    """Name a second copy of one distribution's metadata when the two disagree."""
    try:
        texts = [copy.read_text("entry_points.txt") or "" for copy in (stale, chosen)]
    except UnicodeError:  # reported where it is read
        return
    if not any("[zoo." in text for text in texts):
        return
    if stale.version != chosen.version or _sections(texts[0]) != _sections(texts[1]):
        problems.append(
            Problem(
                stale.metadata["Name"],
                f"stale metadata {_location(stale)} (version {stale.version}) beside the installed "
                f"{chosen.version}, which is used",
                "delete it, or install that folder again",
            )
        )


def _sections(text: str) -> set[str]:
    return {line.replace(" ", "") for line in text.splitlines() if line.strip()}


def _read(distribution: Distribution, found: Discovery, *, switch: Switch, version: str, admits: Admits) -> None:
    """Add one distribution's components, its presets, and what is wrong with its declarations."""
    name, its_version = distribution.metadata["Name"], distribution.version
    try:
        text = distribution.read_text("entry_points.txt")
        if not text or "[zoo." not in text:
            return
        entries = list(distribution.entry_points)
    except Exception as error:
        found.problems.append(Problem(name, f"its entry_points.txt cannot be read: {error}", "reinstall it"))
        return
    status, reason = "ok", ""
    if not switch.allows(name):
        status, reason = "disabled", f"switched off by {SWITCH}={switch.text}"
    else:
        for line in distribution.requires or []:
            if _requires_host(line) and not admits(line, version):
                status = "incompatible"
                reason = f"{name} {its_version} requires {line}, and this is {HOST} {version}; update one of the two"
    kinds = {group: kind for kind, group in GROUPS.items()}
    presets = [entry for entry in entries if entry.group == CONF_GROUP]
    for entry in entries:
        if entry.group in kinds:
            component = Component(kinds[entry.group], entry.name, entry.value.split("[")[0].strip(), name, its_version)
            found.components.append(replace(component, status=status, reason=reason))  # type: ignore[arg-type]
        elif entry.group.startswith("zoo.") and entry.group != CONF_GROUP:
            known = ", ".join(sorted([*GROUPS.values(), CONF_GROUP]))
            found.problems.append(Problem(name, f"unknown entry-point group {entry.group!r}", f"known: {known}"))
    if len(presets) > 1:
        found.problems.append(
            Problem(
                name,
                f"{len(presets)} entries in {CONF_GROUP}, at most one is read",
                f"keep {presets[0].value}",
            )
        )
    if presets and status == "ok":
        found.conf_packages.append(ConfPackage(name, its_version, presets[0].value.strip()))
    elif presets:
        idle = ConfPackage(name, its_version, presets[0].value.strip(), reason=f"is {status}: {reason}")
        found.idle_conf_packages.append(idle)


def _requires_host(requirement: str) -> bool:
    head = requirement.split(";")[0]
    for stop in "<>=!~ ([@":
        head = head.split(stop)[0]
    return normalized(head.strip()) == HOST


def _read_checkout(checkout: Path, found: Discovery, version: str) -> None:
    """The built-ins of a source tree, from the table that its metadata will be made of."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tables: dict[str, dict[str, str]] = project.get("entry-points", {})
    for kind, group in GROUPS.items():
        for name, target in tables.get(group, {}).items():
            found.components.append(Component(kind, name, target, project["name"], version))


def _resolved(components: list[Component]) -> list[Component]:
    """The same components with collisions marked: built-ins keep a name, equal plugins both lose it."""
    usable: dict[tuple[str, str], list[Component]] = {}
    for component in components:
        if component.status == "ok":
            usable.setdefault((component.kind, component.name), []).append(component)
    marked = []
    for component in components:
        rivals = usable.get((component.kind, component.name), [])
        if component.status != "ok" or len(rivals) < 2:
            marked.append(component)
            continue
        builtin = next((rival for rival in rivals if rival.builtin), None)
        if component is builtin:
            marked.append(component)
        elif builtin is not None:
            reason = f"the name is a built-in's; use {component.qualified_name}"
            marked.append(replace(component, status="shadowed", reason=reason))
        else:
            others = ", ".join(rival.origin for rival in rivals if rival is not component)
            reason = f"also provided by {others}; use {component.qualified_name}"
            marked.append(replace(component, status="ambiguous", reason=reason))
    return sorted(marked, key=lambda one: (list(GROUPS).index(one.kind), one.name, one.distribution))
