"""Entry points to components. Standard library only; nothing is imported until a component is loaded."""

from zoo.registry.component import CONF_GROUP, GROUPS, HOST, Component, normalized
from zoo.registry.discovery import ConfPackage, Discovery, Problem, discover
from zoo.registry.errors import (
    AmbiguousComponentError,
    ComponentLoadError,
    UnknownComponentError,
    ZooError,
    did_you_mean,
)
from zoo.registry.nested import Names, names, nested_node
from zoo.registry.registry import Registry
from zoo.registry.signature import REQUIRED, Option, options, options_of, type_text

__all__ = [
    "CONF_GROUP",
    "GROUPS",
    "HOST",
    "REQUIRED",
    "AmbiguousComponentError",
    "Component",
    "ComponentLoadError",
    "ConfPackage",
    "Discovery",
    "Names",
    "Option",
    "Problem",
    "Registry",
    "UnknownComponentError",
    "ZooError",
    "did_you_mean",
    "discover",
    "names",
    "nested_node",
    "normalized",
    "options",
    "options_of",
    "type_text",
]
