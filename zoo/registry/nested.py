"""Options that name another component: the optimizer that looks ahead, the schedule that follows a warmup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin


@dataclass(frozen=True)
class Names:
    """Marks an option whose value names a component: `after: Annotated[Any, Names("schedule")] = "cosine"`.

    A configuration gives a name, or a name with options: `{name: cosine, min_lr_factor: 0.1}`. The constructor gets
    a factory: called with what only it can know, by keyword, it builds that component. It has an attribute `target`,
    the class or function itself.

    Attributes:
        kind: of the component: `optimizer`, `schedule` ...
    """

    kind: str


def names(annotation: Any) -> Names | None:
    """The mark of an option that names a component, if it is one."""
    marks = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, Names)), None)


def nested_node(value: Any) -> Any:
    """A name as a node of its own; a node as it is."""
    return {"name": value} if isinstance(value, str) else dict(value) if isinstance(value, Mapping) else value
