"""The second look at a configuration: true annotations, ranges, and what does not go together.

Hydra and OmegaConf have checked names and scalar types by now; this looks at `Literal`, ranges, nested lists,
and at the configuration as a whole. All errors are reported together, before data or model are touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError

from zoo.config.groups import (
    HARNESS_OPTIONS,
    OF_A_TERM,
    PRESETS,
    SETTINGS,
    SEVERAL,
    SINGLE,
    terms,
    user_options,
)
from zoo.config.installed import registry
from zoo.config.trainer import ELSEWHERE, trainer_options
from zoo.errors import ConfigError
from zoo.registry import Option, ZooError, did_you_mean, names, nested_node, options, type_text

#: The top-level settings that belong to no component.
SETTING_OPTIONS: dict[str, Option] = {
    "seed": Option("seed", Annotated[int, Ge(0), Le(2**32 - 1)]),
    "report": Option("report", bool),
}
CHECKPOINT_OPTIONS: dict[str, Option] = {
    "monitor": Option("monitor", str),
    "mode": Option("mode", Literal["min", "max"] | None),
    "every_n_seconds": Option("every_n_seconds", Annotated[float, Ge(0)] | None),
    "every_n_steps": Option("every_n_steps", Annotated[int, Ge(1)] | None),
    "keep": Option("keep", Annotated[int, Ge(1)]),
}


def validate(config: Mapping[str, Any]) -> None:
    """Check a whole plain configuration.

    Args:
        config: what `zoo.compose` returns, or a dict of that shape.

    Raises:
        ZooError: one line an error, all of them.
    """
    problems = [str(problem) for problem in _problems(config)]
    if problems:
        raise ZooError("\n".join(dict.fromkeys(problems)))


def validate_nodes(config: Mapping[str, Any], kinds: Iterable[str]) -> None:
    """Check the components of some kinds of `SINGLE` alone, whatever the rest of the configuration lacks.

    Raises:
        ZooError: one line an error, all of them.
    """
    problems = [str(problem) for kind in kinds for problem in _node_problems(kind, kind, config.get(kind))]
    if problems:
        raise ZooError("\n".join(dict.fromkeys(problems)))


def _problems(config: Mapping[str, Any]) -> Iterator[ZooError]:
    known = (*SINGLE, *SEVERAL, *PRESETS, *SETTINGS)
    for key in config:
        if key not in known:
            yield ConfigError(str(key), f"unknown{did_you_mean(str(key), known)}")
    for kind in ("data", "model", "optimizer"):
        if not config.get(kind):
            yield ConfigError(kind, "nothing selected", f"choose one of {', '.join(registry().names(kind))}")
    for kind in SINGLE:
        several = terms(config.get(kind)) if kind == "loss" else {}
        for name, node in several.items():
            yield from _node_problems(kind, f"{kind}.{name}", node, more=OF_A_TERM)
        if not several:
            yield from _node_problems(kind, kind, config.get(kind))
    for kind in SEVERAL:
        for name, node in _several(config.get(kind)).items():
            yield from _node_problems(kind, f"{kind}.{name}", node)
    settings = {key: config[key] for key in SETTING_OPTIONS if key in config}
    yield from value_problems("", settings, SETTING_OPTIONS)
    checkpoint = config.get("checkpoint") or {}
    yield from (
        ConfigError(f"checkpoint.{key}", "must be given") for key in CHECKPOINT_OPTIONS if key not in checkpoint
    )
    yield from value_problems("checkpoint", checkpoint, CHECKPOINT_OPTIONS)
    trainer = config.get("trainer") or {}
    for key in trainer:
        if key in ELSEWHERE:
            yield ConfigError(f"trainer.{key}", "not set here", ELSEWHERE[key])
    if any(word in str(trainer.get("strategy")) for word in ("spawn", "fork", "notebook")):
        yield ConfigError("trainer.strategy", f"{trainer['strategy']} cannot be resumed exactly", "use ddp")
    rest = {key: value for key, value in trainer.items() if key not in ELSEWHERE}
    precision = rest.pop("precision", None)
    yield from value_problems("trainer", rest, trainer_options())
    if precision != "auto":
        yield from value_problems("trainer", {"precision": precision}, trainer_options())
    if decode := config.get("decode"):
        from zoo.config.decode import decode_options

        yield from value_problems("decode", decode, decode_options())
    yield from _useless_attention(config)


def _several(node: Any) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}


def _node_problems(
    kind: str, key: str, node: Any, *, nested: bool = False, more: Mapping[str, Option] = MappingProxyType({})
) -> Iterator[ZooError]:
    """What is wrong with one component's node; a missing one is nothing wrong.

    One that is nested in another's option has no options of the harness; one in a sum has `more`.
    """
    if node is None or node == {}:
        return
    if not isinstance(node, Mapping) or not isinstance(node.get("name"), str):
        yield ConfigError(key, f"expected {{name: ...}} with options, got {node!r}")
        return
    try:
        known = user_options(kind, options(registry().get(kind, node["name"])))
    except ZooError as error:
        yield error
        return
    if clash := known.keys() & more.keys():
        yield ConfigError(key, f"has an option {min(clash)} of its own, and cannot be in a sum", "choose it alone")
    known |= more
    if nested:
        known = {name: option for name, option in known.items() if name not in HARNESS_OPTIONS.get(kind, {})}
    given = {name: value for name, value in node.items() if name != "name"}
    for name, option in known.items():
        if option.required and name not in given:
            yield ConfigError(f"{key}.{name}", "must be given")
    yield from value_problems(key, given, known)
    if kind == "optimizer" and not nested:
        yield from _group_problems(f"{key}.groups", given.get("groups"), known)


def _group_problems(key: str, groups: Any, known: Mapping[str, Option]) -> Iterator[ZooError]:
    """What is wrong with groups of parameters; options that the optimizer's node does not have are its own affair."""
    for number, group in enumerate(groups if isinstance(groups, list) else []):
        full = f"{key}[{number}]"
        if not isinstance(group, Mapping) or not isinstance(group.get("match"), str):
            yield ConfigError(full, f"expected {{match: PATTERN, option: value}}, got {group!r}")
            continue
        own = {str(name): value for name, value in group.items() if name in known}
        yield from value_problems(full, own, {name: known[name] for name in own})


def value_problems(key: str, given: Mapping[str, Any], known: Mapping[str, Option]) -> Iterator[ZooError]:
    """Unknown names, and values that do not fit their annotation."""
    for name, value in given.items():
        full = f"{key}.{name}" if key else name
        if name not in known:
            hint = did_you_mean(str(name), known) or f"; known: {', '.join(known) or 'none'}"
            yield ConfigError(full, f"no such option{hint}")
            continue
        option = known[name]
        if not option.required and value is None and option.default is None:
            continue
        if (mark := names(option.annotation)) is not None:
            yield from _node_problems(mark.kind, full, nested_node(value), nested=True)
            continue
        try:
            converted(value, option.annotation)
        except ValidationError as error:
            yield from _misfits(full, value, option.annotation, error)


def _misfits(full: str, value: Any, annotation: Any, error: ValidationError) -> Iterator[ConfigError]:
    """One line for each part of a value that does not fit; one for all where several types were possible."""
    details = error.errors(include_url=False)
    branches = {tuple(part for part in detail["loc"] if isinstance(part, str)) for detail in details}
    if len(branches) > 1:
        yield ConfigError(full, f"expected {type_text(annotation)}, got {value!r}")
        return
    for detail in details:
        place = "".join(f"[{part}]" for part in detail["loc"] if isinstance(part, int))
        message = detail["msg"][0].lower() + detail["msg"][1:]
        yield ConfigError(f"{full}{place}", f"{message}, got {detail['input']!r}")


def converted(value: Any, annotation: Any) -> Any:
    """The value as its annotation wants it: lists as tuples where a tuple is declared, and so on.

    Raises:
        ValidationError: it does not fit.
    """
    adapter = _adapter(_Hashed(annotation))
    return value if adapter is None else adapter.validate_python(value)


class _Hashed:
    """An annotation as a cache key: by identity where it cannot be hashed."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        try:
            self.key: Any = hash(annotation)
        except TypeError:
            self.key = id(annotation)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and self.annotation == other.annotation


@lru_cache(maxsize=1024)
def _adapter(hashed: _Hashed) -> TypeAdapter[Any] | None:
    """The checker of one annotation; `None` for an annotation that pydantic cannot express."""
    try:
        return TypeAdapter(hashed.annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError, TypeError):
        pass
    try:
        return TypeAdapter(hashed.annotation)
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError, TypeError):
        return None


def _useless_attention(config: Mapping[str, Any]) -> Iterator[ZooError]:
    """Attention chosen for a model that has none is a mistake, not something to ignore."""
    model, attention = config.get("model"), config.get("attention")
    if not attention or not isinstance(model, Mapping) or not isinstance(attention, Mapping):
        return
    try:
        takes = options(registry().get("model", str(model.get("name"))))
    except ZooError:
        return
    if "attention" not in takes:
        yield ConfigError(
            f"attention={attention.get('name')}",
            f"model={model.get('name')} has no attention",
            "leave it out, or choose a model that takes one",
        )
