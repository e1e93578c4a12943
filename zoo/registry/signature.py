"""What a component's constructor takes: the only source of its options, defaults and types."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from zoo.registry.component import Component
from zoo.registry.errors import ComponentLoadError

#: Stands for "no default": the option must be given, by the user or by the harness.
REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True)
class Option:
    """One constructor argument."""

    name: str
    annotation: Any
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is REQUIRED


def options(component: Component) -> dict[str, Option]:
    """The arguments of a component's constructor, by name.

    Raises:
        ComponentLoadError: it cannot be imported, swallows arguments (`*args`, `**kwargs`), takes
            positional-only ones, or has an annotation that cannot be evaluated.
    """
    target = component.load()
    try:
        found = options_of(target)
    except TypeError as error:
        raise ComponentLoadError(component, str(error)) from error
    return found


def options_of(target: Callable[..., Any]) -> dict[str, Option]:
    """The arguments of a class or factory, by name.

    Raises:
        TypeError: they cannot all be given by keyword, or are not annotated as evaluable types.
    """
    if getattr(getattr(target, "__init__", None), "__qualname__", "") == "Module.__init__":
        return {}  # torch's own constructor: a module without options
    try:
        signature = inspect.signature(target, eval_str=True)
    except Exception as error:
        raise TypeError(f"has no readable signature: {type(error).__name__}: {error}") from error
    found = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"takes *{parameter.name}: its options cannot be known; name each one")
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise TypeError(f"takes {parameter.name} by position only; allow it by keyword")
        annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
        found[parameter.name] = Option(parameter.name, annotation, parameter.default)
    return found


_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "min_length": "length >=", "max_length": "length <="}


def type_text(annotation: Any) -> str:
    """An annotation for people: `float, > 0`, `'none' | 'batch' | 'layer'`, `int | list[int]`."""
    if get_origin(annotation) is Annotated:
        base, *limits = get_args(annotation)
        bounds = [
            f"{sign} {value}"
            for limit in limits
            for name, sign in _BOUNDS.items()
            if (value := getattr(limit, name, None)) is not None
        ]
        return " ".join([type_text(base), *bounds])
    if get_origin(annotation) is Literal:
        return " | ".join(repr(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(type_text(member) for member in get_args(annotation))
    if get_args(annotation):
        inner = ", ".join(type_text(member) for member in get_args(annotation))
        return f"{get_origin(annotation).__name__}[{inner}]"
    return "None" if annotation is type(None) else inspect.formatannotation(annotation).removeprefix("typing.")
