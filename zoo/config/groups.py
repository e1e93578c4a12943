"""The groups of a configuration, and the arguments of components that only a run can know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Optional

from annotated_types import Ge

from zoo.registry import Names, Option

#: Kinds of which a run has at most one.
SINGLE = ("task", "data", "model", "attention", "finetune", "loss", "optimizer", "schedule")
#: Kinds of which a run may have several: `callback=[a,b]`.
SEVERAL = ("penalty", "metric", "callback", "logger")
#: Groups that hold presets but no components.
PRESETS = ("trainer", "decode", "experiment")
#: Keys of a configuration that are no group.
SETTINGS = ("seed", "checkpoint", "report")

#: Arguments the harness fills in where the constructor names them and the user does not.
#: "What the user sets wins"; where the value is a fact of the data, a different one is an error.
FACTS: dict[str, frozenset[str]] = {
    "model": frozenset(
        {
            "in_features",
            "out_features",
            "num_classes",
            "in_channels",
            "source_vocab_size",
            "target_vocab_size",
            "padding_id",
            "joint_vocabulary",
        }
    ),
    "head": frozenset({"in_features", "out_features"}),
    "attention": frozenset({"query_size", "key_size"}),
    "loss": frozenset({"num_classes", "class_weights"}),
    "metric": frozenset({"task", "num_classes", "num_labels"}),
    "schedule": frozenset({"total_steps", "steps_per_epoch", "mode"}),
    "data": frozenset({"seed", "task"}),
    "callback": frozenset({"monitor", "mode"}),
    "logger": frozenset({"save_dir"}),
}
#: Those of them that are no fact of the data: the run has a value to offer, and the user's own is as good.
_CHOICES = frozenset({"seed", "monitor", "mode", "save_dir", "total_steps", "steps_per_epoch", "class_weights"})
#: Arguments that are objects, which no configuration can hold.
OBJECTS: dict[str, frozenset[str]] = {
    "model": frozenset({"attention"}),
    "data": frozenset({"preprocessing"}),
    "optimizer": frozenset({"params"}),
    "schedule": frozenset({"optimizer"}),
    "task": frozenset({"model", "loss", "optimizer", "schedule", "metrics", "facts", "data", "decode"}),
}
#: Options that the harness adds to every component of a kind.
HARNESS_OPTIONS: dict[str, dict[str, Option]] = {
    "optimizer": {
        "decay_all": Option("decay_all", bool, False),
        "groups": Option("groups", list[dict[str, Any]], []),
        "clip": Option("clip", Annotated[Any, Names("clip")], None),
    },
}
#: Options of a loss in a sum of several, which are the sum's.
OF_A_TERM: dict[str, Option] = {"weight": Option("weight", Annotated[float, Ge(0)], 1.0)}


def terms(node: Any) -> dict[str, Any]:
    """The nodes of a sum of losses by name, `loss=[a,b]`; nothing of a single loss, which has its own name."""
    return dict(node) if isinstance(node, Mapping) and "name" not in node else {}


def choice(node: Mapping[str, Any]) -> str:
    """What stands on the right of `loss=`: `mse`, or `[mse,absolute]`."""
    several = terms(node)
    return f"[{','.join(several)}]" if several else str(node["name"])


def facts(kind: str) -> frozenset[str]:
    """The arguments of this kind that a run fills in, and a user may set."""
    return FACTS.get(kind, frozenset())


def of_data(kind: str) -> frozenset[str]:
    """Those of `facts` that follow from the data or the task: a user's other value is an error, never a choice."""
    return facts(kind) - _CHOICES


def objects(kind: str) -> frozenset[str]:
    """The arguments of this kind that are passed as objects."""
    return OBJECTS.get(kind, frozenset())


def user_options(kind: str, signature: dict[str, Option]) -> dict[str, Option]:
    """The part of a signature that a configuration may set. A fact's default is `None`: "the run knows"."""
    chosen: dict[str, Option] = {}
    for name, option in signature.items():
        if name in objects(kind):
            continue
        if name in facts(kind):
            chosen[name] = Option(name, Optional[option.annotation], None)  # noqa: UP045 - of a value, not in a signature
        else:
            chosen[name] = option
    return chosen | HARNESS_OPTIONS.get(kind, {})
