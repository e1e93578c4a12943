"""The parts of a model that train together, and frozen ones that stay what they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from zoo.errors import ConfigError
from zoo.finetuning.phases import ADAPTERS, Phase, phase_at

#: Whether batch normalisation in frozen stages uses its statistics as they are, or goes on updating them.
BatchNorm = Literal["eval", "train"]


@dataclass
class Part:
    """A stage of a model, or the adapters of a stage.

    Attributes:
        name: of the stage, or `<stage> adapters`.
        modules: that it owns.
        parameters: by their full names.
        buffers: by their full names.
    """

    name: str
    modules: list[nn.Module]
    parameters: dict[str, nn.Parameter] = field(default_factory=dict)
    buffers: dict[str, Tensor] = field(default_factory=dict)


def stage_modules(model: nn.Module) -> dict[str, list[nn.Module]]:
    """The modules that each stage owns, from the input to the head.

    A model says so itself (`zoo.models.backbone.Staged`); of another that has an attribute `head`, everything else is
    the stage `backbone`.

    Raises:
        ConfigError: it has neither.
    """
    own = getattr(model, "stage_modules", None)
    if callable(own):
        found: dict[str, list[nn.Module]] = own()
        return found
    head = getattr(model, "head", None)
    if not isinstance(head, nn.Module):
        problem = f"{type(model).__name__} has no stages: neither a method stage_modules nor a module called head"
        raise ConfigError("finetune", problem, "choose a model that has (docs/plugins.md), or leave finetune out")
    return {"backbone": [one for one in model.children() if one is not head], "head": [head]}


def parts_of(model: nn.Module) -> dict[str, Part]:
    """The parts of a model in order: its stages, each followed by its adapters if it has any.

    Every parameter and every buffer is in one part, told apart by identity: a shared one is in the first, and what no
    stage owns is in the first that has parameters.
    """
    parts: dict[str, Part] = {}
    for name, modules in stage_modules(model).items():
        parts[name] = Part(name, modules)
        if adapters := [one for root in modules for inner in root.modules() for one in adapter_modules(inner)]:
            parts[name + ADAPTERS] = Part(name + ADAPTERS, adapters)
    parameters = {id(one): (name, one) for name, one in model.named_parameters()}
    buffers = {id(one): (name, one) for name, one in model.named_buffers()}
    for part in sorted(parts.values(), key=lambda one: not one.name.endswith(ADAPTERS)):
        for module in part.modules:
            part.parameters |= dict(parameters.pop(id(one)) for one in _once(module.parameters(), parameters))
            part.buffers |= dict(buffers.pop(id(one)) for one in _once(module.buffers(), buffers))
    if parameters or buffers:
        first = next((part for part in parts.values() if part.parameters), next(iter(parts.values())))
        first.parameters |= dict(parameters.values())
        first.buffers |= dict(buffers.values())
    return parts


def _once(tensors: Iterator[Tensor], among: dict[int, Any]) -> list[Tensor]:
    """Those tensors that are still among the others, each once."""
    return list({id(one): one for one in tensors if id(one) in among}.values())


def adapter_modules(module: nn.Module) -> list[nn.Module]:
    """The modules that peft has added around a layer: what is trained, and its dropout. None for other modules."""
    names = getattr(module, "adapter_layer_names", None)
    if names is None or not hasattr(module, "get_base_layer"):
        return []
    added = (getattr(module, name, None) for name in (*names, "lora_dropout"))
    return [one for one in added if isinstance(one, nn.Module)]


def stage_names(model: nn.Module) -> list[str]:
    """The parts that have parameters, from the input to the head."""
    return [part.name for part in parts_of(model).values() if part.parameters]


class Freezing:
    """Keeps the frozen parts of a model frozen: no gradients, and evaluation whatever `.train()` is called.

    In evaluation, batch normalisation uses its statistics and leaves them alone, and neither dropout nor stochastic
    depth draws: a frozen part is one function from the first epoch to the last. A stage without parameters goes with
    the one before it.

    Args:
        model: whose parameters' `requires_grad` and whose method `train` are taken over.
        phases: what trains when.
        batch_norm: `train` lets batch normalisation of frozen parts normalise by the batch and update its statistics;
            its parameters stay.
    """

    def __init__(self, model: nn.Module, phases: Sequence[Phase], batch_norm: BatchNorm = "eval") -> None:
        self.model, self.phases, self.batch_norm = model, list(phases), batch_norm
        self.number = 0
        vars(model)["train"] = self._train
        self.begin_epoch(0)

    @property
    def trains(self) -> tuple[str, ...]:
        """Names of the parts that train now."""
        return self.phases[self.number].train

    def begin_epoch(self, epoch: int) -> bool:
        """Freeze and unfreeze what the phase of this epoch says.

        Returns:
            Whether other parts train now than before.
        """
        before, self.number = set(self.trains), phase_at(self.phases, epoch)
        for part in parts_of(self.model).values():
            trains = part.name in self.trains
            for parameter in part.parameters.values():
                parameter.requires_grad_(trains)
                if not trains:
                    parameter.grad = None
        self._set_modes(self.model.training)
        return before != set(self.trains)

    def _train(self, mode: bool = True) -> nn.Module:
        """The model's own `train`, and the frozen parts back in evaluation."""
        type(self.model).train(self.model, mode)
        self._set_modes(mode)
        return self.model

    def _set_modes(self, mode: bool) -> None:
        parts = list(parts_of(self.model).values())
        owner = next(part for part in parts if part.parameters).name
        for part in parts:
            if part.parameters and not part.name.endswith(ADAPTERS):
                owner = part.name
            trains = (part.name if part.parameters else owner) in self.trains
            for root in part.modules:
                if trains:
                    root.train(mode)
                    continue
                for module in root.modules():
                    module.training = mode and self.batch_norm == "train" and has_statistics(module)


def has_statistics(module: nn.Module) -> bool:
    """Whether a module normalises batches and keeps running means of what it has seen."""
    return isinstance(module, nn.modules.batchnorm._NormBase) and module.running_mean is not None
