"""From a kind and a name to the one component that is meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from zoo.registry.component import GROUPS, Component, normalized
from zoo.registry.discovery import ConfPackage, Discovery, Problem
from zoo.registry.errors import AmbiguousComponentError, UnknownComponentError, did_you_mean


class Registry:
    """All known components. Looking things up imports nothing.

    Args:
        components: as `discover` returns them, collisions marked.
        conf_packages: packages of YAML presets.
        problems: what discovery found wrong.

    Example:
        >>> registry = Registry([Component("model", "tiny", "my.models:Tiny", "my-models", "1.0")])
        >>> registry.get("model", "tiny").origin
        'my-models 1.0'
    """

    def __init__(
        self,
        components: Iterable[Component],
        conf_packages: Sequence[ConfPackage] = (),
        problems: Sequence[Problem] = (),
    ) -> None:
        self._components = list(components)
        self.conf_packages = list(conf_packages)
        #: Preset packages of disabled and incompatible plugins.
        self.idle_conf_packages: list[ConfPackage] = []
        self._problems = list(problems)

    @classmethod
    def of(cls, discovery: Discovery) -> Registry:
        """The registry of one scan."""
        registry = cls(discovery.components, discovery.conf_packages, discovery.problems)
        registry.idle_conf_packages = list(discovery.idle_conf_packages)
        return registry

    def __iter__(self) -> Iterator[Component]:
        return iter(self._components)

    def components(self, kind: str | None = None) -> list[Component]:
        """Every component, of one kind if asked, whatever its status.

        Raises:
            UnknownComponentError: there is no such kind.
        """
        if kind is not None and kind not in GROUPS:
            raise UnknownComponentError(
                "kind", kind, f"no such kind{did_you_mean(kind, GROUPS)}; kinds: {', '.join(GROUPS)}"
            )
        return [one for one in self._components if kind is None or one.kind == kind]

    def names(self, kind: str) -> list[str]:
        """What may be written on the command line: bare names, and `dist:name` where a bare one is taken."""
        bare = [one.name for one in self.components(kind) if one.status == "ok"]
        taken = [one.qualified_name for one in self.components(kind) if one.status in ("shadowed", "ambiguous")]
        return sorted(bare) + sorted(taken)

    def get(self, kind: str, name: str) -> Component:
        """The component that a name on the command line means.

        Args:
            kind: a key of `GROUPS`.
            name: a bare name, or `distribution:name`.

        Raises:
            AmbiguousComponentError: several plugins provide the bare name; both are listed.
            UnknownComponentError: nobody does; with the nearest name, or why an installed one cannot be used.
        """
        distribution, colon, bare = name.rpartition(":")
        named = [one for one in self.components(kind) if one.name == bare]
        if colon:
            named = [one for one in named if normalized(one.distribution) == normalized(distribution)]
            usable = [one for one in named if one.status in ("ok", "shadowed", "ambiguous")]
        else:
            usable = [one for one in named if one.status == "ok"]
            rivals = [one for one in named if one.status == "ambiguous"]
            if not usable and rivals:
                choices = " or ".join(f"{kind}={one.qualified_name} ({one.origin})" for one in rivals)
                raise AmbiguousComponentError(kind, name, f"provided by more than one plugin; choose {choices}")
        if len(usable) == 1:
            return usable[0]
        if len(usable) > 1:
            raise AmbiguousComponentError(kind, name, f"declared {len(usable)} times by {usable[0].origin}")
        raise UnknownComponentError(kind, name, self._why_not(kind, name, named))

    def _why_not(self, kind: str, name: str, named: list[Component]) -> str:
        if named:
            return "; ".join(f"{one.origin} provides it but is {one.status}: {one.reason}" for one in named)
        known = self.names(kind)
        return f"not installed{did_you_mean(name, known)}; available: {', '.join(known) or 'none'}"

    def problems(self) -> list[Problem]:
        """What the metadata alone shows to be wrong: the first half of `zoo plugins doctor`."""
        found = list(self._problems)
        for one in self._components:
            if one.status == "incompatible":
                found.append(Problem(one.origin, f"incompatible: {one.reason}"))
            elif one.status in ("shadowed", "ambiguous"):
                found.append(Problem(f"{one.origin}, {one.kind} {one.name}", f"{one.status}: {one.reason}"))
        found = list(dict.fromkeys(found))
        found.extend(self._near_collisions())
        return found

    def _near_collisions(self) -> Iterator[Problem]:
        """Names of one kind that differ by case, hyphen or underscore alone."""
        seen: dict[tuple[str, str], Component] = {}
        for one in self._components:
            key = (one.kind, one.name.replace("-", "_").lower())
            earlier = seen.setdefault(key, one)
            if earlier.name != one.name:
                yield Problem(
                    f"{one.origin}, {one.kind} {one.name}",
                    f"differs from {earlier.name} of {earlier.origin} by case or hyphen alone",
                    "rename one of the two",
                )
