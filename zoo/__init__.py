"""A plugin-based model zoo and attention sequence-to-sequence toolkit in one training harness.

Importing this package imports nothing heavy; each function brings in what it needs when it is called.

    >>> import zoo
    >>> config = zoo.compose(["data=digits", "model=mlp", "trainer.max_epochs=5"])
    >>> run = zoo.train(config)
    >>> run.metrics["test/accuracy"]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoo.version import __version__ as __version__

if TYPE_CHECKING:
    from zoo.harness.run import LoadedModel, Run
    from zoo.registry import Component

__all__ = ["build", "components", "compose", "load", "train"]


def components(kind: str | None = None) -> list[Component]:
    """Every installed component, with distribution and version. Imports none of them.

    Args:
        kind: `model`, `attention`, `loss` ...; all kinds by default.

    Raises:
        ZooError: there is no such kind.
    """
    from zoo.config.installed import registry

    return registry().components(kind)


def build(kind: str, name: str, /, **options: Any) -> Any:
    """Build a component by name; see `zoo.config.building.build`."""
    from zoo.config.building import build as build_component

    return build_component(kind, name, **options)


def compose(overrides: Sequence[str] = (), *, config_dir: str | Path | None = None) -> dict[str, Any]:
    """Compose a validated plain configuration; see `zoo.config.composition.compose`."""
    from zoo.config.composition import compose as compose_config

    return compose_config(overrides, config_dir=config_dir)


def train(config: dict[str, Any], folder: str | Path | None = None) -> Run:
    """Train a configuration; see `zoo.harness.training.train`."""
    from zoo.harness.training import train as train_run

    return train_run(config, folder)


def load(path: str | Path) -> LoadedModel:
    """Load the model of a finished run; see `zoo.harness.run.load`."""
    from zoo.harness.run import load as load_run

    return load_run(path)


class _Package(ModuleType):
    """Keeps `zoo.train` the function when the front door of the same name, zoo/train.py, is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name == "train" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
