"""Checks of a constructor: whether options, types and defaults can be read off it."""

from __future__ import annotations

import inspect

from zoo.config.groups import facts, objects, user_options
from zoo.config.schema import structured
from zoo.config.validation import value_problems
from zoo.registry import Option
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, needs

_PLAIN = (str, int, float, bool, type(None))


def schema_derivable(subject: Subject) -> None:
    """The configuration of the component follows from its signature, and `config` fits it."""
    found = subject.options
    bare = [name for name in _unannotated(subject) if name not in objects(subject.kind)]
    if bare:
        raise Nonconformity(f"{', '.join(bare)}: no annotation, so no value can be checked", "annotate every argument")
    structured(subject.component.name.title(), user_options(subject.kind, found))
    problems = [str(problem) for problem in value_problems(subject.kind, subject.config, found)]
    if problems:
        raise Nonconformity(" / ".join(problems), "mend the test's config, or the annotation")


def _unannotated(subject: Subject) -> list[str]:
    parameters = inspect.signature(subject.component.load()).parameters.values()
    return [parameter.name for parameter in parameters if parameter.annotation is parameter.empty]


@needs("schema_derivable")
def plain_defaults(subject: Subject) -> None:
    """Every default can be written in YAML, and satisfies its own annotation."""
    for option in subject.options.values():
        if option.required or option.name in objects(subject.kind):
            continue
        if not _is_plain(option.default):
            raise Nonconformity(
                f"{option.name}: the default {option.default!r} cannot be written in a configuration",
                "take a name, a number or a list, and build the object in the constructor",
            )
        if option.name in facts(subject.kind) and option.default is None:
            continue
        _check_default(subject.kind, option)


def _check_default(kind: str, option: Option) -> None:
    strict = Option(option.name, option.annotation)
    for problem in value_problems(kind, {option.name: option.default}, {option.name: strict}):
        raise Nonconformity(f"default of {problem}", "widen the annotation, or choose another default")


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return type(value) in _PLAIN
