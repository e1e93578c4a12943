"""What optimizers demand of a run: the whole epoch's gradient a step, or a batch that can be evaluated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from zoo.config.groups import choice
from zoo.config.installed import registry
from zoo.errors import ConfigError
from zoo.finetuning.relay import Relay
from zoo.optimizers.combined import Combined
from zoo.runs.provenance import named
from zoo.tasks.full_batch import BATCHES


def full_batch(config: Mapping[str, Any]) -> bool:
    """Whether the optimizer of a configuration is to step along the gradient of a whole epoch.

    Raises:
        ConfigError: one that does is inside of another.
    """
    name = str(config["optimizer"]["name"])
    for kind, inner in named({"optimizer": config["optimizer"]}):
        if kind == "optimizer" and getattr(registry().get(kind, inner).load(), "full_batch", False):
            if inner != name:
                problem = f"{inner}, which steps once an epoch, cannot be inside of it"
                raise ConfigError(f"optimizer={name}", problem, "use sgd and one batch: data.batch_size")
            return True
    return False


def trainer_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """The group `trainer`, with what the optimizer demands of it.

    Raises:
        ConfigError: as `full_batch`.
    """
    options = dict(config["trainer"])
    return {**options, "accumulate_grad_batches": BATCHES} if full_batch(config) else options


def check_stepping(config: Mapping[str, Any], optimizers: Sequence[Optimizer], loss: nn.Module, batches: int) -> None:
    """Whether a run can give its optimizers what they demand.

    Args:
        config: completed.
        optimizers: built.
        loss: of the run.
        batches: of an epoch.

    Raises:
        ConfigError: it cannot.
    """
    name, trainer = str(config["optimizer"]["name"]), config["trainer"]
    accumulates = (trainer.get("accumulate_grad_batches") or 1) != 1
    if config["optimizer"].get("clip") is not None and trainer.get("gradient_clip_val"):
        raise ConfigError(
            "trainer.gradient_clip_val", "gradients are clipped by optimizer.clip", "leave out one of them"
        )
    if full_batch(config):
        if accumulates:
            problem = f"optimizer={name} adds up the gradients of a whole epoch"
            raise ConfigError("trainer.accumulate_grad_batches", problem, "leave it out")
        powers = getattr(loss, "power", 1)
        if batches > 1 and any(power != 1 for power in (powers if isinstance(powers, list) else [powers])):
            problem = "is a root of a mean, whose gradient is no sum over batches"
            raise ConfigError(f"loss={choice(config['loss'])}", problem, "use loss=mse, or one batch: data.batch_size")
    if any(_evaluates_again(one) for one in optimizers):
        problem = f"optimizer={name} evaluates a batch several times a step"
        if accumulates:
            raise ConfigError("trainer.accumulate_grad_batches", problem, "leave it out")
        if str(trainer.get("precision")) in ("16", "16-mixed"):
            problem += ", which a gradient scaler does not allow"
            raise ConfigError("trainer.precision", problem, "use bf16-mixed or 32-true")


def _evaluates_again(optimizer: Optimizer) -> bool:
    """Whether a step calls its closure more than once."""
    if getattr(optimizer, "evaluates_again", False):
        return True
    inner = list(optimizer.parts) if isinstance(optimizer, Combined | Relay) else []
    second = getattr(optimizer, "second", None)
    return any(_evaluates_again(one) for one in [*inner, *([second] if isinstance(second, Optimizer) else [])])
