"""The component under test: found by its target, built as the harness builds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from zoo.config.building import build_component
from zoo.config.installed import registry
from zoo.registry import Component, Option, ZooError, options


@dataclass
class Subject:
    """A component, its options, and what a run would know.

    Attributes:
        kind: `model`, `loss` ...
        target: `package.module:attribute`.
        config: options of the constructor.
        facts: what the harness would inject where the constructor names it.
    """

    kind: str
    target: str
    config: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def registered(self) -> list[Component]:
        """The entry points that lead to this target, directly or by another import path of the same object."""
        known = registry().components(self.kind)
        near = [one for one in known if top_package(one.target) == top_package(self.target)]
        return [one for one in near if one.target == self.target or self._is_mine(one)]

    def _is_mine(self, other: Component) -> bool:
        try:
            return other.load() is self._unregistered.load()
        except ZooError:
            return False

    @property
    def _unregistered(self) -> Component:
        name = self.target.rpartition(":")[2] or self.target
        return Component(self.kind, name, self.target, top_package(self.target), "(not installed)")

    @property
    def component(self) -> Component:
        """The registered component, or one made up for a target that is not."""
        return self.registered[0] if self.registered else self._unregistered

    @property
    def options(self) -> dict[str, Option]:
        """The constructor's arguments.

        Raises:
            ZooError: they cannot be read.
        """
        return options(self.component)

    def build(self, **objects: Any) -> Any:
        """A new instance, through the code that the harness uses.

        Raises:
            ZooError: it cannot be built.
        """
        component = self.component
        return build_component(component, {"name": component.name, **self.config}, {**self.facts, **objects})


def top_package(target: str) -> str:
    """`package` of `package.module:attribute`."""
    return target.partition(":")[0].partition(".")[0]
