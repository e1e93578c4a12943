"""What can go wrong, as objects that carry what they are about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.registry.component import Component


class ZooError(Exception):
    """A mistake a user can mend: shown in one or two lines, exit status 2."""


class ComponentLoadError(ZooError):
    """A component whose target cannot be imported, or cannot be used once it is."""

    def __init__(self, component: Component, problem: str) -> None:
        first_line = str(problem).strip().splitlines()[0]
        super().__init__(f"{component.kind}={component.name}: {component.origin} ({component.target}) {first_line}")
        self.component = component


class UnknownComponentError(ZooError):
    """A name that no installed distribution provides, or that leads nowhere at the moment."""

    def __init__(self, kind: str, name: str, problem: str) -> None:
        super().__init__(f"{kind}={name}: {problem}")
        self.kind, self.name = kind, name


class AmbiguousComponentError(UnknownComponentError):
    """A bare name that several plugins provide."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'mlp'?)`, or nothing where no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""
