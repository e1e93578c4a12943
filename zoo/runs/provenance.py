"""Where a run came from: commits, package versions, and the distribution of every component used."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from zoo.config.groups import SEVERAL, SINGLE, terms
from zoo.config.installed import checkout, registry
from zoo.errors import RunError
from zoo.registry import HOST, Component, UnknownComponentError, names, nested_node, options
from zoo.version import __version__

#: Packages whose versions decide what a run computes.
PACKAGES = (
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "torchmetrics",
    "sentencepiece",
    "numpy",
    "pandas",
    "scikit-learn",
)
#: What a recorded component cannot do without.
_NAMED = {"kind", "name", "distribution", "version"}


def packages() -> dict[str, str]:
    """Installed versions of the packages that matter, and of Python."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit and dirty flag of the repository that a folder lies in; `None` outside one."""

    def ask(*words: str) -> str | None:
        try:
            answer = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout.strip() if answer.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(ask("status", "--porcelain", "--untracked-files=no"))}


def origin(component: Component) -> dict[str, Any]:
    """Name, distribution, version and commit of one component, as plain data."""
    commit, editable = _commit(component)
    return {
        "kind": component.kind,
        "name": component.name,
        "target": component.target,
        "distribution": component.distribution,
        "version": component.version,
        "commit": commit,
        "editable": editable,
    }


def _commit(component: Component) -> tuple[str | None, bool]:
    """The commit a distribution was installed from (PEP 610), or that its editable folder stands at."""
    if component.builtin and (source := checkout()) is not None:
        state = git_state(source)
        return (state["commit"] if state else None), True
    try:
        installed: Distribution = distribution(component.distribution)
        direct = json.loads(installed.read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return None, False
    if commit := direct.get("vcs_info", {}).get("commit_id"):
        return str(commit), False
    if direct.get("dir_info", {}).get("editable"):
        state = git_state(Path(unquote(urlparse(direct.get("url", "")).path)))
        return (state["commit"] if state else None), True
    return None, False


def components_of(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The origin of every component that a configuration names."""
    found = []
    for kind, name in named(config):
        found.append(origin(registry().get(kind, name)))
    return found


def named(config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Kind and name of everything that a configuration selects."""
    for kind in SINGLE:
        node = config.get(kind)
        for one in (terms(node).values() if kind == "loss" else ()) or ([node] if node else []):
            yield from _with_nested(kind, one)
    for kind in SEVERAL:
        for node in (config.get(kind) or {}).values():
            yield from _with_nested(kind, node)


def _with_nested(kind: str, node: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Kind and name of a node, and of what its options name."""
    name = str(node["name"])
    yield kind, name
    for key, option in options(registry().get(kind, name)).items():
        value = nested_node(node.get(key, option.default))
        if (mark := names(option.annotation)) is not None and isinstance(value, Mapping):
            yield from _with_nested(mark.kind, value)


def check_components(recorded: Iterable[Mapping[str, Any]], where: Path) -> list[str]:
    """Compare the components a run used with those installed here.

    Returns:
        A sentence for each that has another version now.

    Raises:
        RunError: one is missing; the message names the distribution and version to install. Or the list is damaged.
    """
    warnings = []
    if not isinstance(recorded, list) or not all(isinstance(used, dict) and used.keys() >= _NAMED for used in recorded):
        raise RunError(where, "its list of components is damaged")
    for used in recorded:
        kind, name = str(used["kind"]), str(used["name"])
        try:
            here = registry().get(kind, f"{used['distribution']}:{name}")
        except UnknownComponentError as error:
            if used["distribution"] == HOST:
                raise RunError(where, f"needs {kind} {name!r} of {HOST} {used['version']}", str(error)) from error
            requirement = f"{used['distribution']}=={used['version']}"
            source = f" (commit {used['commit']})" if used.get("commit") else ""
            raise RunError(
                where,
                f"needs {kind} {name!r} of {used['distribution']} {used['version']}{source}, which is not available",
                f"pip install '{requirement}'",
            ) from error
        if here.version != used["version"]:
            warnings.append(
                f"{kind} {name!r}: this run used {used['distribution']} {used['version']}, {here.version} is installed"
            )
    return warnings


def record(config: Mapping[str, Any], overrides: list[str]) -> dict[str, Any]:
    """Everything that `run.json` says."""
    return {
        "overrides": overrides,
        "seed": config["seed"],
        "command": sys.argv,
        "git": git_state(Path.cwd()),
        "packages": {HOST: __version__} | packages(),
        "components": components_of(config),
    }
