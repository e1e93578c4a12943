"""Command lines of `key=value`, read as Hydra reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.errors import ConfigError

#: Keys whose values are names of files and folders, taken as they are.
PLAIN = ("run", "input", "output", "split", "resume")


def key_values(arguments: Sequence[str]) -> dict[str, Any]:
    """The arguments as a dict: file names as they are, other values typed as in a Hydra override.

    Raises:
        ZooError: one of them is no `key=value`, or names code.
    """
    from zoo.config.composition import check_overrides
    from zoo.config.explanation import parsed

    given: dict[str, Any] = {}
    overrides = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise ConfigError(argument, "expected key=value", "see --help")
        if key in PLAIN:
            given[key] = value
        else:
            overrides.append(argument)
    check_overrides(overrides)
    return given | {override.key_or_group: override.value() for override in parsed(overrides)}


def required(given: dict[str, Any], key: str, what: str) -> str:
    """Take a key that must be there.

    Raises:
        ConfigError: it is not.
    """
    value = given.pop(key, None)
    if value is None:
        raise ConfigError(key, "must be given", f"add {key}= with {what}")
    return str(value)
