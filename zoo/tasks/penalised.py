"""Penalties at work on a model: added to the loss of training batches, or done to weights after each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from zoo.errors import ConfigError
from zoo.finetuning.relay import Relay
from zoo.optimizers.combined import keeps_means
from zoo.optimizers.momentum import MomentumAverage
from zoo.optimizers.parameter_groups import exempt_ids, near_names


class PenaltyLike(Protocol):
    """What a component `penalty` has; see `zoo.penalties.penalty.Penalty`."""

    action: str
    adds: bool
    match: Sequence[str]
    biases: bool

    def value(self, weights: Sequence[Tensor]) -> Tensor:
        """What is added to the loss, ()."""

    def act(self, weight: Tensor, rate: float) -> None:
        """What is done to a parameter after a step."""


class Penalised:
    """The penalties of a run.

    Args:
        penalties: by name.
    """

    def __init__(self, penalties: Mapping[str, PenaltyLike]) -> None:
        self.penalties = dict(penalties)
        self._weights: dict[str, list[nn.Parameter]] = {}

    def bind(self, model: nn.Module) -> None:
        """Find the parameters of each penalty, by name; a tied one counts once.

        Raises:
            ConfigError: a pattern matches nothing that is penalised.
        """
        exempt = exempt_ids(model)
        self._weights = {name: _chosen(name, one, model, exempt) for name, one in self.penalties.items()}

    def check(self, optimizer: Optimizer) -> None:
        """Whether what is done after steps of an optimizer is what it should be.

        Raises:
            ConfigError: it would not be.
        """
        for part in optimizer.parts if isinstance(optimizer, Relay) else [optimizer]:
            for name, one in self.penalties.items():
                if one.action == "none":
                    continue
                remedy = str(getattr(one, "remedy", "choose another optimizer"))
                if keeps_means(part):
                    problem = f"{type(part).__name__} evaluates means of weights, which a change after a step misses"
                    raise ConfigError(f"penalty.{name}", problem, remedy)
                if one.action == "proximal" and _length(part, part.param_groups[0]) is None:
                    problem = f"a proximal step goes with plain gradient descent, and not with {type(part).__name__}"
                    raise ConfigError(f"penalty.{name}", problem, remedy)

    def value(self) -> Tensor | None:
        """What is added to the loss of a batch, (), of the parameters that train now; None if nothing is."""
        found = None
        for name, one in self.penalties.items():
            weights = [weight for weight in self._weights[name] if weight.requires_grad] if one.adds else []
            if weights:
                value = one.value(weights)
                found = value if found is None else found + value
        return found

    @torch.no_grad()
    def after_step(self, optimizer: Optimizer) -> None:
        """An optimizer has made a step, at the learning rates that its groups have still."""
        acting = {name: one for name, one in self.penalties.items() if one.action != "none"}
        if not acting:
            return
        part = optimizer.part if isinstance(optimizer, Relay) else optimizer
        rates: dict[int, tuple[float, float]] = {}
        for group in part.param_groups:
            rate = float(group["lr"])
            both = rate, rate * (_length(part, group) or 0.0)
            rates |= {id(weight): both for weight in group["params"] if weight.grad is not None}
        for name, one in acting.items():
            for weight in self._weights[name]:
                if id(weight) in rates and weight.requires_grad:
                    one.act(weight, rates[id(weight)][one.action == "proximal"])


def _chosen(name: str, penalty: PenaltyLike, model: nn.Module, exempt: set[int]) -> list[nn.Parameter]:
    """The parameters that a penalty is on, each once.

    Raises:
        ConfigError: a pattern matches nothing, or nothing but biases and normalisation.
    """
    named = list(model.named_parameters(remove_duplicate=False))
    found: dict[int, nn.Parameter] = {}
    for pattern in penalty.match:
        matched = [parameter for full, parameter in named if fnmatchcase(full, pattern)]
        if not matched:
            remedy = near_names(pattern, [full for full, _ in named])
            raise ConfigError(f"penalty.{name}.match", f"no parameter is called {pattern!r}", remedy)
        kept = [one for one in matched if penalty.biases or id(one) not in exempt]
        if not kept:
            problem = f"{pattern!r} matches biases and normalisation alone, which are spared"
            raise ConfigError(f"penalty.{name}.match", problem, f"set penalty.{name}.biases=true")
        found |= {id(one): one for one in kept}
    return list(found.values())


def _length(optimizer: Optimizer, group: Mapping[str, Any]) -> float | None:
    """How far a constant gradient moves weights in a step in the end, in learning rates; None if that is not fixed."""
    if type(optimizer) is torch.optim.SGD:
        return cast(float, (1 - group["dampening"]) / (1 - group["momentum"]))
    return 1.0 if isinstance(optimizer, MomentumAverage) else None
