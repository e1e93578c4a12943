"""From the node `finetune` of a configuration to a fine-tuning that a task goes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from zoo.config.building import build_node, default_node
from zoo.errors import ConfigError
from zoo.finetuning.finetuning import Finetuning
from zoo.finetuning.phases import segments
from zoo.tasks.course import OptimizerFactory, ScheduleFactory
from zoo.tasks.task import Task

Node = Mapping[str, Any]


def strategy_of(config: Mapping[str, Any], generates: bool) -> Any:
    """The component `finetune` of a configuration; None if it has none.

    Args:
        config: validated.
        generates: whether the model is one for sequences.

    Raises:
        ZooError: it cannot be built, or the model has no stages.
    """
    node = config.get("finetune")
    if not node:
        return None
    if generates:
        problem = "a model for sequences has no stages to freeze"
        raise ConfigError(f"finetune={node['name']}", problem, "leave it out")
    return build_node("finetune", node, {})


def prepare(model: nn.Module, strategy: Any) -> None:
    """Let a strategy change a model that has just been built: add adapters, say."""
    change: Callable[[nn.Module], None] | None = getattr(strategy, "prepare", None)
    if change is not None:
        change(model)


def finetune(
    task: Task,
    strategy: Any,
    config: Mapping[str, Any],
    optimizer_of: Callable[[Node], OptimizerFactory],
    schedule_of: Callable[[Node], ScheduleFactory],
) -> None:
    """Let a task train as a strategy says.

    Args:
        task: with its model.
        strategy: of `strategy_of`.
        config: completed.
        optimizer_of: what builds the optimizer of a node.
        schedule_of: what builds the schedule of a node.

    Raises:
        ConfigError: the strategy does not fit the model, or the task.
    """
    limit = config["trainer"].get("max_epochs")
    try:
        finetuning = Finetuning(task.model, strategy, limit if limit is not None and limit > 0 else None)
        found = segments(finetuning.phases, config["optimizer"], config.get("schedule"), _completed)
    except ValueError as error:
        raise ConfigError(f"finetune={config['finetune']['name']}", str(error)) from error
    if finetuning.penalty is not None and type(task).training_step is not Task.training_step:
        problem = f"task={config['task']['name']} has a training step of its own, which adds no penalty"
        raise ConfigError("finetune.l2_sp", problem, "leave it out")
    built = []
    for one in found:
        schedule = schedule_of(one.schedule) if one.schedule else None
        built.append(replace(one, optimizer=optimizer_of(one.optimizer), schedule=schedule))
    task.course.finetune(finetuning, built)


def _completed(node: Node) -> dict[str, Any]:
    return default_node("optimizer", str(node["name"])) | dict(node)
