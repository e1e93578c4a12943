"""Command lines of `key=value`, read as Hydra reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError, RunError

#: Keys whose values are names of files and folders, taken as they are.
PLAIN = ("run", "input", "output", "pictures", "split", "mode", "resume", "format")


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


def runs(text: str) -> str | list[str]:
    """The run folder that `run=` names, or several of `run=[a,b,c]`.

    Raises:
        ConfigError: the list is empty.
    """
    if not (text.startswith("[") and text.endswith("]")):
        return text
    folders = [one.strip() for one in text[1:-1].split(",") if one.strip()]
    if not folders:
        raise ConfigError("run", "names no folder", "give run=FOLDER or run=[FOLDER,FOLDER]")
    return folders


def taken_group(given: dict[str, Any], group: str) -> dict[str, Any]:
    """Take the options `group.NAME` out of what was given, by their names.

    Raises:
        ConfigError: the group itself is given a value.
    """
    if group in given:
        raise ConfigError(group, "is a group of options", f"set {group}.OPTION=VALUE")
    keys = [key for key in given if key.startswith(f"{group}.")]
    return {key.removeprefix(f"{group}."): given.pop(key) for key in keys}


def taken_flag(given: dict[str, Any], key: str, default: bool = False) -> bool:
    """Take a yes or no out of what was given.

    Raises:
        ConfigError: it is neither.
    """
    value = given.pop(key, default)
    if not isinstance(value, bool):
        raise ConfigError(key, f"expected true or false, got {value!r}")
    return value


def taken_batch_size(given: dict[str, Any]) -> int | None:
    """Take the number of examples a batch out of what was given, if it is there.

    Raises:
        ConfigError: it is no number of examples.
    """
    value = given.pop("batch_size", None)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ConfigError("batch_size", f"expected a whole number from 1 on, got {value!r}")
    return value


def check_output(target: str, suffixes: Sequence[str], source: str) -> None:
    """Whether a file can be written, before there is anything to write.

    Args:
        target: the file, or `-`.
        suffixes: that a file's name may end in.
        source: the file that is read, or `-`.

    Raises:
        ConfigError: its name says no format, or it is the input.
        RunError: its folder does not exist, or it is a folder itself.
    """
    path = Path(target)
    if target == "-":
        return
    if path.suffix not in suffixes:
        choices = [suffix for suffix in suffixes if suffix]
        shown = path.suffix or target
        listed = " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)
        raise ConfigError("output", f"{shown} cannot be written", f"choose {listed}")
    if source != "-" and path.resolve() == Path(source).resolve():
        raise ConfigError("output", "is the input itself", "choose another file")
    if path.is_dir():
        raise RunError(target, "cannot be written: Is a directory")
    if not path.parent.is_dir():
        raise RunError(target, f"cannot be written: there is no folder {path.parent}", "make it first")
