"""What builds the optimizer and the schedule that a configuration names, once there are parameters and steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.optim import Optimizer

from zoo.config.building import build_node
from zoo.config.groups import HARNESS_OPTIONS
from zoo.config.installed import registry
from zoo.errors import ConfigError
from zoo.registry import nested_node, options


class OptimizerOf:
    """The optimizer that a configuration names."""

    def __init__(self, node: Mapping[str, Any]) -> None:
        self.node = node
        self.decay_all = bool(node.get("decay_all", HARNESS_OPTIONS["optimizer"]["decay_all"].default))
        self.groups = list(node.get("groups") or ())
        clip = nested_node(node.get("clip"))
        self.clip = None if clip is None else build_node("clip", clip, {})

    def __call__(self, params: list[dict[str, Any]]) -> Optimizer:
        """The optimizer over these groups."""
        built: Optimizer = build_node("optimizer", self.node, {"params": params})
        return built


class ScheduleOf:
    """The schedule that a configuration names."""

    def __init__(self, node: Mapping[str, Any], mode: str) -> None:
        self.node, self.mode = node, mode
        target = registry().get("schedule", str(node["name"])).load()
        self.interval = str(getattr(target, "interval", "step"))
        after = nested_node(node.get("after"))
        #: Whether it, or one that follows it, waits for validation.
        self.watches: bool = self.interval == "validation" or (after is not None and ScheduleOf(after, mode).watches)

    def __call__(self, optimizer: Optimizer, total_steps: int | None, steps_per_epoch: int) -> Any:
        """The schedule of one run; `total_steps` is `None` where no limit of epochs or steps is set."""
        known = {"optimizer": optimizer, "steps_per_epoch": steps_per_epoch, "mode": self.mode}
        if total_steps is not None:
            known["total_steps"] = total_steps
        elif "total_steps" in options(registry().get("schedule", str(self.node["name"]))):
            key = f"schedule={self.node['name']}"
            raise ConfigError(key, "needs to know how long the run is", "set trainer.max_epochs or trainer.max_steps")
        return build_node("schedule", self.node, known)
