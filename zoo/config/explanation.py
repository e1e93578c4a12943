"""Hydra's and OmegaConf's errors, said again in one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)
from omegaconf.errors import (
    ValidationError as OmegaConfValidationError,
)

from zoo.config.groups import PRESETS, SETTINGS, SEVERAL, SINGLE, objects
from zoo.config.installed import registry
from zoo.config.presets import idle_preset
from zoo.config.source import choices
from zoo.config.trainer import ELSEWHERE
from zoo.errors import ConfigError
from zoo.registry import GROUPS, UnknownComponentError, ZooError, did_you_mean

_TOP = (*SINGLE, *SEVERAL, *PRESETS, *SETTINGS, "hydra")


def explain(error: Exception, overrides: Sequence[str]) -> ZooError:
    """The same error as one for people.

    Args:
        error: what Hydra or OmegaConf raised while composing.
        overrides: the command line it was composed from.
    """
    chain = list(_causes(error))
    for one in chain:
        if isinstance(one, ZooError):
            return one
    for one in chain:
        if isinstance(one, MissingConfigException) and one.missing_cfg_file:
            return _missing(one.missing_cfg_file)
        if isinstance(one, OverrideParseException):
            return ConfigError(one.override, "cannot be read as key=value", "quote values with special characters")
        if isinstance(one, MissingMandatoryValue):
            key = one.full_key or str(one.key)
            return ConfigError(key, "must be given", f"add {key}=...")
        if isinstance(one, InterpolationResolutionError):
            return ConfigError(one.full_key or "interpolation", _first_line(one))
    for one in chain:
        if isinstance(one, ConfigAttributeError | ConfigKeyError):
            return _unknown_key(one, overrides)
    for one in chain:
        if isinstance(one, OmegaConfValidationError):
            key = _key_in(one, overrides)
            return ZooError(_first_line(one)) if key == "None" else ConfigError(key, _first_line(one))
    return _unmatched(error, overrides)


def of_users(error: Exception) -> bool:
    """Whether a user's mistake can be behind this error: Hydra, OmegaConf or the toolkit itself refused something."""
    return any(isinstance(one, HydraException | OmegaConfBaseException | ZooError) for one in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


def _missing(path: str) -> ZooError:
    """A selected option that does not exist: `model/mpl`."""
    path = path.removesuffix(".yaml")
    group, _, name = path.rpartition("/")
    if (idle := idle_preset(path)) is not None:
        return ConfigError(f"{group}={name}", f"a preset of {idle.distribution} {idle.version}, which {idle.reason}")
    if group in GROUPS:
        try:
            registry().get(group, name)
        except UnknownComponentError as unknown:
            known = choices(group)
            if any(one.name == name for one in registry().components(group)):
                return unknown
            available = ", ".join(known) or "none"
            return ConfigError(f"{group}={name}", f"not installed{did_you_mean(name, known)}; available: {available}")
    known = choices(group)
    return ConfigError(
        f"{group}={name}", f"no such preset{did_you_mean(name, known)}; available: {', '.join(known) or 'none'}"
    )


def _unknown_key(error: OmegaConfBaseException, overrides: Sequence[str]) -> ZooError:
    """An override of a key that is not there."""
    full = _key_in(error, overrides)
    head, last = full.split(".")[0], full.rpartition(".")[2]
    if head not in _TOP:
        return _no_such(head)
    if head == "trainer" and last in ELSEWHERE:
        return ConfigError(full, "not set here", ELSEWHERE[last])
    if head in GROUPS and str(error.key) == head:
        return ConfigError(full, f"no {head} is selected", f"add {head}=NAME, one of {', '.join(choices(head))}")
    if last in objects(head):
        return ConfigError(full, "not set by hand", "the run hands it over")
    node = error.parent_node
    known = [str(key) for key in node if key != "name"] if node is not None and hasattr(node, "__iter__") else []
    hint = did_you_mean(last, known) or (f"; known: {', '.join(known)}" if known else "")
    return ConfigError(full, f"no such option{hint}")


def _no_such(key: str) -> ConfigError:
    """An unknown key at the top; components that stand inside of others are no groups, and looked for there."""
    inside = "optimizer" if key == "clip" else "model"
    if key in GROUPS:
        return ConfigError(key, "no group of its own, but an option of another component", f"set {inside}.{key}=NAME")
    return ConfigError(key, f"no such group or option{did_you_mean(key, _TOP)}; known: {', '.join(_TOP)}")


def _unmatched(error: Exception, overrides: Sequence[str]) -> ZooError:
    """Anything else Hydra says: its first line, with a hint where an unknown group is the cause."""
    line = _first_line(error)
    for override in parsed(overrides):
        key = override.key_or_group
        if f"'{key}'" in line and key.split(".")[0] not in _TOP:
            return _no_such(key)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return ZooError(line)
    return ZooError(f"{type(error).__name__}: {line}")


def _key_in(error: OmegaConfBaseException, overrides: Sequence[str]) -> str:
    """The full key that an error is about; the override that ends in it, where OmegaConf does not say."""
    key = error.full_key or str(error.key)
    for override in parsed(overrides):
        if override.key_or_group == key or override.key_or_group.endswith(f".{key}"):
            return override.key_or_group
        if override.key_or_group.startswith(f"{key}."):
            return override.key_or_group
    return key


def parsed(overrides: Sequence[str]) -> list[Override]:
    """Hydra's reading of a command line.

    Raises:
        ConfigError: an override that is none.
    """
    try:
        return list(OverridesParser.create().parse_overrides(list(overrides)))
    except OverrideParseException as error:
        raise ConfigError(error.override, "cannot be read as key=value", "quote special characters") from error
