"""`zoo plugins doctor`: everything is loaded once, and everything that is wrong is named."""

from __future__ import annotations

import importlib.util
from importlib.metadata import entry_points
from pathlib import Path

from zoo.config.installed import registry
from zoo.config.presets import preset_problems
from zoo.registry import Problem, ZooError, options


def examine() -> list[Problem]:
    """Problems of metadata, presets, targets, and of what other packages do to our runs."""
    return [
        *registry().problems(),
        *preset_problems(),
        *_load_problems(),
        *foreign_callbacks(),
        *foreign_hydra_plugins(),
    ]


def _load_problems() -> list[Problem]:
    found = []
    for component in registry():
        if component.status in ("disabled", "incompatible"):
            continue
        try:
            options(component)
        except ZooError as error:
            subject = f"{component.origin}, {component.kind} {component.name}"
            found.append(Problem(subject, str(error), "reinstall or update it, or ask its authors"))
    return found


def foreign_callbacks() -> list[Problem]:
    """Callbacks that Lightning adds to every Trainer because a package asks for it."""
    found = []
    for group in ("lightning.pytorch.callbacks_factory", "pytorch_lightning.callbacks_factory"):
        for entry in entry_points(group=group):
            origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
            found.append(
                Problem(origin, f"adds callbacks to every Lightning run ({entry.value})", "uninstall it if unwanted")
            )
    return found


def foreign_hydra_plugins() -> list[Problem]:
    """Modules that Hydra imports into every application of this environment."""
    spec = importlib.util.find_spec("hydra_plugins")
    found = []
    for folder in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(folder).iterdir()):
            if path.name.startswith(("_", ".")) or not (path.is_dir() or path.suffix == ".py"):
                continue
            found.append(
                Problem(
                    f"hydra_plugins.{path.stem}",
                    "Hydra imports it at every start of every application",
                    "uninstall it if unwanted",
                )
            )
    return found
