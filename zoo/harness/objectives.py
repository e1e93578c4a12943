"""What a run makes small: a loss, or a sum of several, and penalties on weights beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from zoo.config.building import build_node
from zoo.config.groups import OF_A_TERM, choice, terms
from zoo.config.installed import registry
from zoo.errors import ConfigError
from zoo.losses.weighted_sum import WeightedSum
from zoo.registry import options
from zoo.tasks.penalised import Penalised
from zoo.tasks.task import Task

#: What predictions are, for people.
_FORMS = {"scores": "scores of classes or values", "embedding": "embeddings"}


def build_loss(node: Mapping[str, Any], facts: Mapping[str, Any], alike: str, *, train: bool) -> nn.Module:
    """The loss of a configuration; of several, their weighted sum.

    Args:
        node: of the group `loss`, completed.
        facts: of the data.
        alike: a problem whose losses the data's problem shares.
        train: whether it is trained with, or only shown.

    Raises:
        ZooError: one cannot be built, does not fit the problem, or cannot be trained; or they do not go together.
    """
    several = terms(node)
    if not several:
        return _build_one(node, facts, alike, train=train)
    usual = float(OF_A_TERM["weight"].default)
    weights = {name: float(one.get("weight", usual)) for name, one in several.items()}
    own = {name: {key: value for key, value in one.items() if key not in OF_A_TERM} for name, one in several.items()}
    losses = {name: _build_one(one, facts, alike, train=train) for name, one in own.items()}
    try:
        return WeightedSum(losses, weights)
    except ValueError as error:
        raise ConfigError(f"loss={choice(node)}", str(error)) from error


def _build_one(node: Mapping[str, Any], facts: Mapping[str, Any], alike: str, *, train: bool) -> nn.Module:
    problem = str(facts["problem"])
    loss: nn.Module = build_node("loss", node, facts)
    fits = getattr(loss, "problems", (problem,))
    if alike not in fits and problem not in fits:
        sentence = f"fits {', '.join(fits)} targets, and the data are {problem}"
        raise ConfigError(f"loss={node['name']}", sentence, "choose another")
    if train and (untrainable := getattr(loss, "untrainable", None)):
        raise ConfigError(f"loss={node['name']}", *untrainable)
    return loss


def predicts_of_losses(node: Mapping[str, Any] | None) -> str:
    """What the losses of a configuration are made for: `scores` unless they say otherwise; "" where none is chosen."""
    if not node:
        return ""
    first = next(iter(terms(node).values()), node)  # those of a sum agree, or cannot be built
    return str(getattr(registry().get("loss", str(first["name"])).load(), "predicts", "scores"))


def check_predicts(config: Mapping[str, Any], task: Any) -> None:
    """Whether loss and metrics are made for what a task predicts.

    Args:
        config: completed.
        task: the task's class.

    Raises:
        ConfigError: one is not.
    """
    predicts = str(getattr(task, "predicts", "scores"))
    name = config["task"]["name"]
    if (loss := predicts_of_losses(config["loss"])) != predicts:
        remedy = f"set task={loss}" if loss in registry().names("task") else f"choose another, or leave task={name} out"
        problem = f"is for predictions that are {_FORMS.get(loss, loss)}, and task={name} has "
        raise ConfigError(f"loss={choice(config['loss'])}", problem + _FORMS.get(predicts, predicts), remedy)
    for metric, node in (config.get("metric") or {}).items():
        reads = getattr(registry().get("metric", str(node["name"])).load(), "predicts", predicts)
        if reads != predicts:
            problem = f"reads {_FORMS.get(reads, reads)}, and task={name} has {_FORMS.get(predicts, predicts)}"
            raise ConfigError(f"metric={metric}", problem, "choose another")


def width_of(config: Mapping[str, Any], task: Any, facts: Mapping[str, Any], loss: nn.Module) -> int:
    """How many values a model predicts for an example.

    Args:
        config: completed.
        task: the task's class.
        facts: of the data.
        loss: that is trained on.
    """
    option = getattr(task, "width_option", None)
    if option is None:
        return int(task.out_features(facts, loss))
    known = options(registry().get("task", config["task"]["name"]))[option]
    return int(config["task"].get(option, known.default))


def penalise(task: Task, config: Mapping[str, Any]) -> None:
    """Let a task train under the penalties of a configuration.

    Args:
        task: with its model.
        config: validated.

    Raises:
        ZooError: one cannot be built, matches nothing, or the task has no use for it.
    """
    nodes: Mapping[str, Mapping[str, Any]] = config.get("penalty") or {}
    if not nodes:
        return
    owner = next(one for one in type(task).__mro__ if "training_step" in vars(one))
    if owner is not Task and not vars(owner).get("adds_penalties", False):
        problem = f"task={config['task']['name']} has a training step of its own, which adds no penalty"
        raise ConfigError(f"penalty={next(iter(nodes))}", problem, "leave it out")
    task.penalties = Penalised({name: build_node("penalty", node, {}) for name, node in nodes.items()})
    task.penalties.bind(task.model)
