"""The registry of this process: one scan of the installed metadata, kept until `refresh()`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from zoo.registry import HOST, Registry, discover
from zoo.version import __version__

#: The folder of this package.
_PACKAGE = Path(__file__).resolve().parent.parent


def checkout() -> Path | None:
    """The source tree this package runs from, or `None` when it runs from an installed wheel."""
    folder = _PACKAGE.parent
    project = folder / "pyproject.toml"
    if project.is_file() and f'name = "{HOST}"' in project.read_text(encoding="utf-8"):
        return folder
    return None


def conf_folder() -> Path:
    """The folder of our own YAML presets, wherever this installation keeps it."""
    source = checkout()
    return source / "conf" if source else _PACKAGE / "conf"


def admits(requirement: str, version: str) -> bool:
    """Whether a `Requires-Dist` line (PEP 508) holds here and admits the version."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return False
    if parsed.marker is not None and not parsed.marker.evaluate({"extra": ""}):
        return True
    return parsed.specifier.contains(version, prereleases=True)


@cache
def registry() -> Registry:
    """Every installed component. The first call reads the metadata; nothing is imported."""
    return Registry.of(discover(version=__version__, admits=admits, checkout=checkout()))


def refresh() -> None:
    """Forget the scan, so that the next look sees what was installed or removed since."""
    registry.cache_clear()
