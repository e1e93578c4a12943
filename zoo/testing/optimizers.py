"""The checks of an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from zoo.optimizers.parameter_groups import parameter_groups
from zoo.testing.constructor import plain_defaults, schema_derivable
from zoo.testing.imports import imports_quietly
from zoo.testing.nested import difference, through_file
from zoo.testing.packaging import entry_point_name, yaml_in_wheel
from zoo.testing.randomness import generator, seed_everything
from zoo.testing.resuming import check_resuming
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, Rule, Suite, asserting, needs


def _model() -> nn.Module:
    """Something to optimise: matrices, biases and a normalisation."""
    seed_everything(0)
    return nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 2))


def _loss(model: nn.Module, number: int = 0) -> Tensor:
    """Least squares on a batch of its own."""
    random = generator(number)
    inputs, targets = torch.randn(16, 4, generator=random), torch.randn(16, 2, generator=random)
    loss: Tensor = (model(inputs) - targets).square().mean()
    return loss


def _step(model: nn.Module, optimizer: Optimizer, number: int) -> Any:
    """One step as Lightning takes it, with a closure; gradients stand already for one that needs none."""

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(model, number)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        closure()
    return optimizer.step(closure)  # type: ignore[arg-type]


def _start(subject: Subject) -> tuple[nn.Module, Optimizer]:
    model = _model()
    return model, subject.build(params=parameter_groups(model))


def _moved(before: Mapping[str, Tensor], model: nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if not torch.equal(before[name], parameter)}


def _snapshot(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@needs("schema_derivable")
def builds(subject: Subject) -> None:
    """It makes a torch optimizer of a list of parameter groups, and keeps all of them."""
    model, optimizer = _start(subject)
    if not isinstance(optimizer, Optimizer):
        raise Nonconformity(f"it builds a {type(optimizer).__name__}", "return a torch.optim.Optimizer")
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    if held != {id(parameter) for parameter in model.parameters()}:
        raise Nonconformity("some parameters are in none of its groups", "pass params on as it is")


@needs("builds")
def every_parameter_moves(subject: Subject) -> None:
    """A step moves every parameter that has a gradient."""
    model, optimizer = _start(subject)
    before = _snapshot(model)
    for number in range(2):
        _step(model, optimizer, number)
    if still := set(before) - _moved(before, model):
        raise Nonconformity(f"two steps leave {', '.join(sorted(still))} where it was", "step every parameter group")


@needs("builds")
def group_learning_rate(subject: Subject) -> None:
    """A parameter group's own `lr` is used: with 0 its parameters stay where they are."""
    model = _model()
    groups = parameter_groups(model)
    groups[-1]["lr"] = 0.0
    optimizer = subject.build(params=groups)
    before = _snapshot(model)
    for number in range(2):
        _step(model, optimizer, number)
    frozen = {id(parameter) for parameter in groups[-1]["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in frozen}
    if wrong := names & _moved(before, model):
        raise Nonconformity(f"{', '.join(sorted(wrong))} moves with lr 0", 'read group["lr"], not an attribute')


@needs("builds")
def current_learning_rate(subject: Subject) -> None:
    """A schedule's change of `group["lr"]` takes effect at the next step."""
    model, optimizer = _start(subject)
    _step(model, optimizer, 0)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = _snapshot(model)
    _step(model, optimizer, 1)
    if moved := _moved(before, model):
        raise Nonconformity(
            f"{', '.join(sorted(moved))} moves after lr was set to 0", 'read group["lr"] anew in every step'
        )


@needs("builds")
def missing_gradients_are_skipped(subject: Subject) -> None:
    """A parameter without a gradient stays where it is."""
    model, optimizer = _start(subject)
    before = _snapshot(model)
    _loss(model).backward()  # type: ignore[no-untyped-call]
    model.get_parameter("0.weight").grad = None
    optimizer.step(lambda: 0.0)
    if "0.weight" in _moved(before, model):
        raise Nonconformity("a parameter without a gradient moves", "skip parameters whose grad is None")


@needs("builds")
def uses_closure(subject: Subject) -> None:
    """`step(closure)` calls the closure with gradients enabled and returns its loss: Lightning trains through it."""
    model, optimizer = _start(subject)
    losses: list[Tensor] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        losses.append(_loss(model))
        losses[-1].backward()  # type: ignore[no-untyped-call]
        return losses[-1]

    with torch.enable_grad():
        closure()
    losses.clear()
    try:
        returned = optimizer.step(closure)  # type: ignore[arg-type]
    except RuntimeError as error:
        raise Nonconformity(f"the closure fails: {error}", "call it under torch.enable_grad()") from error
    if not losses:
        raise Nonconformity("step does not call the closure", "with torch.enable_grad(): loss = closure()")
    if returned is None or float(torch.as_tensor(returned).detach()) not in [float(loss.detach()) for loss in losses]:
        raise Nonconformity("step does not return the closure's loss", "return it")


@needs("builds")
def descends(subject: Subject) -> None:
    """A hundred steps with the default options bring a quadratic nearer to its minimum."""
    point = nn.Parameter(torch.full((10,), 2.0))
    optimizer = subject.build(params=[{"params": [point], "name": "all"}])
    curvature = torch.linspace(0.5, 2.0, 10)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = 0.5 * (curvature * point.square()).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    start = float(closure().detach())
    for _ in range(100):
        closure()
        optimizer.step(closure)
    end = float(closure().detach())
    if not end < start:
        raise Nonconformity(f"a quadratic goes from {start:.4g} to {end:.4g}", "check the sign of the step")


@needs("builds")
def state_dict_round_trip(subject: Subject) -> None:
    """Its state is plain data, and comes back from a file as it was."""
    model, optimizer = _start(subject)
    for number in range(2):
        _step(model, optimizer, number)
    state = through_file(optimizer.state_dict(), "state_dict()")
    _, other = _start(subject)
    other.load_state_dict(state)
    if (place := difference(optimizer.state_dict(), other.state_dict())) is not None:
        raise Nonconformity(f"state_dict() does not come back, at {place}", "keep state in self.state[parameter]")


@needs("builds", "state_dict_round_trip")
def resume_equals_uninterrupted(subject: Subject) -> None:
    """Training that was saved and continued ends where uninterrupted training ends, bit for bit."""
    check_resuming(lambda: _start(subject), _step)


RULES: tuple[Rule, ...] = (
    schema_derivable,
    plain_defaults,
    imports_quietly,
    builds,
    every_parameter_moves,
    group_learning_rate,
    current_learning_rate,
    missing_gradients_are_skipped,
    uses_closure,
    descends,
    state_dict_round_trip,
    resume_equals_uninterrupted,
    entry_point_name,
    yaml_in_wheel,
)


def optimizer_checks(
    target: str,
    *,
    config: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Suite:
    """The checks of an optimizer, one by one: for `pytest.mark.parametrize("check", optimizer_checks(...))`.

    Args:
        target: `package.module:attribute`, a class or factory.
        config: options of its constructor.
        expected_failures: reason by name of a check that fails and may. It must fail then.
    """
    return Suite(Subject("optimizer", target, config or {}), target, RULES, expected_failures)


check_optimizer = asserting(optimizer_checks)
