"""From a node of a configuration to the object it names, through the registry and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.config.groups import HARNESS_OPTIONS, facts, objects, of_data, user_options
from zoo.config.installed import registry
from zoo.config.validation import converted, value_problems
from zoo.errors import ConfigError, ZooError
from zoo.registry import Component, Option, names, nested_node, options


class AttentionFactory:
    """Builds the chosen attention once a model knows its sizes.

    A model that names a constructor argument `attention` gets one of these, and calls it:
    `self.attention = attention(query_size=..., key_size=...)`.
    """

    def __init__(self, node: Mapping[str, Any]) -> None:
        self.node = dict(node)

    def __call__(self, **sizes: Any) -> Any:
        """The attention module, with these sizes injected."""
        return build_node("attention", self.node, sizes)


class ComponentFactory:
    """Builds the component that an option names, once the one that has the option knows what it needs.

    Args:
        kind: of the component.
        node: its name and options.
    """

    def __init__(self, kind: str, node: Mapping[str, Any]) -> None:
        self.kind, self.node = kind, dict(node)
        #: The class or function, with whatever it says of itself.
        self.target = registry().get(kind, str(self.node["name"])).load()

    def __call__(self, **given: Any) -> Any:
        """The component.

        Args:
            given: what a run or the caller knows, of which it gets what its constructor names; and options, which
                those of the node win over.
        """
        known = facts(self.kind) | objects(self.kind)
        node = {key: value for key, value in given.items() if key not in known} | self.node
        return build_node(self.kind, node, {key: value for key, value in given.items() if key in known})


def build(kind: str, name: str, /, **given: Any) -> Any:
    """Build a component by name, its options checked against its constructor.

    Args:
        kind: `model`, `attention`, `loss` ...
        name: as on the command line: `mlp`, or `distribution:name`.
        given: options of its constructor. Objects (`params`, `optimizer`) are passed as they are.

    Raises:
        ZooError: the name is unknown, or an option is, or a value does not fit.

    Example:
        >>> zoo.build("model", "mlp", in_features=64, out_features=10, width=128)
    """
    handed_over = {key: value for key, value in given.items() if key in objects(kind)}
    rest = {key: value for key, value in given.items() if key not in handed_over}
    return build_node(kind, {"name": name, **rest}, handed_over)


def default_node(kind: str, name: str) -> dict[str, Any]:
    """A component's node as `kind=name` composes it: its name and the defaults of its options."""
    known = user_options(kind, options(registry().get(kind, name)))
    return {"name": name} | {key: option.default for key, option in known.items() if not option.required}


def build_node(kind: str, node: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """Build what a configuration node names.

    Args:
        kind: the component's kind.
        node: `{name: ..., option: value}`.
        known: what the run knows; handed over where the constructor names it and the node does not set it.

    Raises:
        ZooError: an option is unknown or unfit, contradicts a fact of the data, or is missing.
    """
    return build_component(registry().get(kind, str(node.get("name"))), node, known)


def build_component(component: Component, node: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """Build a component, registered or not, as `build_node` does.

    Raises:
        ZooError: as `build_node`.
    """
    kind = component.kind
    signature = options(component)
    harness = HARNESS_OPTIONS.get(kind, {})
    given = {
        key: value
        for key, value in node.items()
        if key != "name" and key not in harness and not (value is None and key in facts(kind))
    }
    _check(kind, given, signature)
    arguments = {key: converted(value, signature[key].annotation) for key, value in given.items()}
    for key, value in known.items():
        if key not in signature or key not in facts(kind) | objects(kind):
            continue
        if key in arguments and key in of_data(kind) and arguments[key] != value:
            raise ConfigError(
                f"{kind}.{key}",
                f"{arguments[key]!r} contradicts {value!r}, found out by the run",
                "leave it out",
            )
        arguments.setdefault(key, value)
    for key, option in signature.items():
        mark, value = names(option.annotation), arguments.get(key, option.default)
        if mark is not None and isinstance(value, str | Mapping):
            arguments[key] = ComponentFactory(mark.kind, nested_node(value))
    if isinstance(attention := arguments.get("attention"), Mapping):
        arguments["attention"] = AttentionFactory(attention)
    missing = [key for key, option in signature.items() if option.required and key not in arguments]
    if missing:
        raise ConfigError(f"{kind}={component.name}", f"needs {', '.join(missing)}", "give it, or check the data")
    try:
        return component.load()(**arguments)
    except ZooError:
        raise
    except ValueError as error:
        raise ConfigError(f"{kind}={component.name}", str(error)) from error


def _check(kind: str, given: Mapping[str, Any], signature: Mapping[str, Option]) -> None:
    problems = [str(problem) for problem in value_problems(kind, given, signature)]
    if problems:
        raise ZooError("\n".join(problems))
