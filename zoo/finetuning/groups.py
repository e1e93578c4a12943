"""Parameter groups of a fine-tuning: one or two a stage, there from the first step to the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from zoo.errors import ConfigError
from zoo.finetuning.freezing import parts_of
from zoo.finetuning.phases import Phase
from zoo.optimizers.parameter_groups import exempt_ids

#: A group's own word on which stage it belongs to; optimizers carry it along.
STAGE = "stage"
#: Options that schedules change.
_SCHEDULED = ("lr", "momentum", "betas")


def stage_groups(model: nn.Module, phases: Sequence[Phase], *, decay_all: bool = False) -> list[dict[str, Any]]:
    """Parameter groups of every stage that trains in some phase, frozen at first or not.

    Parameters are told apart by identity: each is in one group, and two of equal values are in it both. Optimizers
    skip those without a gradient, so that a frozen one neither moves nor decays.

    Args:
        model: of stages.
        phases: of the fine-tuning.
        decay_all: one group a stage, biases and normalisation included.

    Returns:
        In the order of the stages, `{"name": "layer4", "stage": "layer4", "params": [...]}`, then
        `layer4 no_decay` with `weight_decay` 0 for biases and normalisation parameters; no empty ones.
    """
    trained = {name for phase in phases for name in phase.train}
    exempt = set() if decay_all else exempt_ids(model)
    found: list[dict[str, Any]] = []
    for name, part in parts_of(model).items():
        if name not in trained:
            continue
        members = list(part.parameters.values())
        own = {"name": name, STAGE: name, "params": [one for one in members if id(one) not in exempt]}
        spared = [one for one in members if id(one) in exempt]
        found += [own, {"name": f"{name} no_decay", STAGE: name, "params": spared, "weight_decay": 0.0}]
    return [group for group in found if group["params"]]


def own_options(optimizer: Optimizer) -> list[dict[str, Any]]:
    """What schedules change of each group, as the optimizer was built."""
    return [{key: group[key] for key in _SCHEDULED if key in group} for group in optimizer.param_groups]


def set_rates(
    optimizer: Optimizer, own: Sequence[Mapping[str, Any]], lr: float | None, factors: Mapping[str, float]
) -> None:
    """Give every group its base learning rate, and undo what a schedule has done; the next schedule starts from there.

    Args:
        optimizer: over the groups of `stage_groups`.
        own: as the optimizer was built: `own_options`.
        lr: learning rate of the head; None is the group's own.
        factors: learning rate of each stage as a share of the head's.

    Raises:
        ConfigError: the optimizer has one learning rate for all.
    """
    for group, options in zip(optimizer.param_groups, own, strict=True):
        group.update(options)
        group.pop("initial_lr", None)
        if STAGE not in group and any(factor != 1 for factor in factors.values()):
            problem = f"{type(optimizer).__name__} has one learning rate for all stages"
            raise ConfigError("finetune.factor", problem, "leave it out, or choose another optimizer")
        group["lr"] = (options["lr"] if lr is None else lr) * factors.get(group.get(STAGE, ""), 1.0)
