"""A component's options as an OmegaConf structured config: names and scalar types, checked at composition.

OmegaConf knows fewer annotations than Python; the others become `Any` here and are checked against the true
annotation afterwards (`zoo.config.validation`).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from os import PathLike, fspath
from typing import Annotated, Any, Union, get_args, get_origin

from omegaconf import MISSING, OmegaConf

from zoo.registry import Option

_SCALARS = (int, float, bool, str)


def structured(name: str, options: dict[str, Option], *, component: str | None = None) -> Any:
    """A structured config with one field an option, typed as far as OmegaConf can.

    Args:
        name: the class name that OmegaConf's messages show.
        options: what may be set.
        component: the value of the field `name`; without it there is no such field.
    """
    fields: list[tuple[str, Any, Any]] = []
    if component is not None:
        fields.append(("name", str, component))
    for option in options.values():
        default = MISSING if option.required else _plain(option.default)
        if default is None and option.default is not None:
            continue
        fields.append((option.name, _omegaconf_type(option.annotation, default), _field(default)))
    return OmegaConf.structured(dataclasses.make_dataclass(name, fields))


def _field(default: Any) -> Any:
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: default)
    return default


def _plain(value: Any) -> Any:
    """A default as plain data: tuples become lists, paths text; None for what is no data at all.

    An option with such a default has no field: the constructor keeps it, unless `+` sets it.
    """
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, _SCALARS) else None


def _omegaconf_type(annotation: Any, default: Any) -> Any:
    """The nearest type OmegaConf accepts, wide enough for the default."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        optional = len(members) < len(get_args(annotation))
        if len(members) != 1:
            return Any
        annotation = members[0]
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
    if annotation not in _SCALARS:
        return Any
    if default is None or optional:
        return typing.Optional[annotation]  # noqa: UP045 - built at run time
    return annotation
