"""The checks of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from zoo.optimizers.parameter_groups import parameter_groups
from zoo.testing.constructor import plain_defaults, schema_derivable
from zoo.testing.imports import imports_quietly
from zoo.testing.modules import builds, builds_on_meta, built_module, require_gradients, shake
from zoo.testing.nested import call, copied, difference, rows, tensors, through_file
from zoo.testing.packaging import entry_point_name, yaml_in_wheel
from zoo.testing.randomness import generator, seed_everything
from zoo.testing.resuming import check_resuming
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, NotApplicable, Rule, Suite, asserting, needs

#: What a run would inject, unless the test says otherwise.
FACTS: dict[str, Any] = {"in_features": 8, "out_features": 3, "num_classes": 3}
#: Examples in a batch, where the test does not bring its own.
BATCH = 6

Inputs = Tensor | tuple[Any, ...] | Mapping[str, Any] | Callable[[int], Any]


@dataclass
class ModelSubject(Subject):
    """A model, the inputs it is fed, and the shape it is to answer with.

    Attributes:
        inputs: see `model_checks`.
        output_shape: of one example's prediction.
    """

    inputs: Inputs | None = None
    output_shape: tuple[int, ...] = field(default=())

    def batch(self) -> Any:
        """The same inputs at every call, in tensors of their own."""
        if self.inputs is None:
            return torch.randn(BATCH, int(self.facts["in_features"]), generator=generator())
        if callable(self.inputs) and not isinstance(self.inputs, Tensor):
            seed_everything(0)
            return self.inputs(BATCH)
        return copied(self.inputs)

    def batch_size(self) -> int:
        """Examples in `batch()`."""
        return len(next(tensors(self.batch())))

    def model(self, seed: int = 0) -> nn.Module:
        """A new model, its weights random by `seed`."""
        seed_everything(seed)
        return built_module(self)


@needs("builds")
def predicts(subject: ModelSubject) -> None:
    """`forward` takes the inputs of a batch and returns a tensor, in training and in evaluation."""
    for training in (True, False):
        output = call(subject.model().train(training), subject.batch())
        if not isinstance(output, Tensor):
            raise Nonconformity(f"forward returns a {type(output).__name__}", "return one tensor of predictions")


@needs("predicts")
def output_shape_and_dtype(subject: ModelSubject) -> None:
    """Predictions have one row an example, the width that the run asks for, and are float32 and finite."""
    output = call(subject.model().eval(), subject.batch())
    expected = (subject.batch_size(), *subject.output_shape)
    if tuple(output.shape) != expected:
        raise Nonconformity(
            f"predictions are {tuple(output.shape)}, expected {expected}",
            "take out_features in the constructor and return (B, out_features), or tell the test its output_shape",
        )
    if output.dtype != torch.float32:
        raise Nonconformity(f"predictions are {output.dtype} for float32 inputs", "leave the dtype to the harness")
    if not output.isfinite().all():
        raise Nonconformity("predictions of ordinary inputs are not finite", "check initialisation and divisions")


@needs("predicts")
def leaves_inputs_alone(subject: ModelSubject) -> None:
    """`forward` does not write into the batch it is given."""
    batch = subject.batch()
    call(subject.model().eval(), batch)
    if (place := difference(batch, subject.batch())) is not None:
        raise Nonconformity(f"forward changes its inputs, at {place}", "avoid in-place operations on them")


@needs("predicts")
def gradients_reach_every_parameter(subject: ModelSubject) -> None:
    """Every trainable parameter gets a gradient."""
    model = subject.model().train()
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise NotApplicable("no trainable parameters")
    shake(model)
    require_gradients(model, call(model, subject.batch()))


@needs("predicts")
def runs_in_bfloat16(subject: ModelSubject) -> None:
    """Predictions and gradients are finite under bfloat16 autocast, which `trainer.precision=auto` may choose."""
    model = subject.model().train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = call(model, subject.batch())
    if not output.isfinite().all():
        raise Nonconformity("predictions are not finite under bfloat16", "compute sums, exponentials in float32")
    if output.requires_grad:
        output.float().square().mean().backward()
        bad = [name for name, one in model.named_parameters() if one.grad is not None and not one.grad.isfinite().all()]
        if bad:
            raise Nonconformity(f"gradients of {', '.join(bad)} are not finite under bfloat16")


@needs("predicts")
def evaluation_deterministic(subject: ModelSubject) -> None:
    """In evaluation the same inputs give the same predictions, bit for bit, and the state stays as it is."""
    model = subject.model().eval()
    before = copied(model.state_dict())
    with torch.no_grad():
        one, other = (call(model, subject.batch()) for _ in range(2))
    if difference(one, other) is not None:
        raise Nonconformity(
            f"two evaluations of one batch differ by up to {float((one - other).abs().max()):.3g}",
            "make dropout and sampling depend on self.training",
        )
    if (place := difference(before, model.state_dict())) is not None:
        raise Nonconformity(f"evaluation changes the state, at {place}", "update statistics only while training")


@needs("predicts", "evaluation_deterministic")
def batch_of_one(subject: ModelSubject) -> None:
    """In evaluation a batch of one example gives that example's row of any other batch."""
    model, batch = subject.model().eval(), subject.batch()
    with torch.no_grad():
        together = call(model, batch)
        for row in range(subject.batch_size()):
            alone = call(model, rows(subject.batch(), slice(row, row + 1)))
            if alone.shape != together[row : row + 1].shape:
                raise Nonconformity(
                    f"a batch of one gives {tuple(alone.shape)}, expected {tuple(together[row : row + 1].shape)}",
                    "squeeze by dimension, never all of them",
                )
            if not torch.allclose(alone, together[row : row + 1], rtol=1e-4, atol=1e-5, equal_nan=True):
                raise Nonconformity(
                    f"example {row} alone and in a batch of {len(together)} differ by up to "
                    f"{float((alone - together[row]).abs().max()):.3g}",
                    "in evaluation, compute nothing over the batch; use running statistics",
                )


@needs("predicts", "evaluation_deterministic")
def state_dict_round_trip(subject: ModelSubject) -> None:
    """A new model that loads the saved state of a trained one is the same, and the state is plain data."""
    trained = subject.model(seed=0)
    optimizer = _optimizer(trained)
    for number in range(2):
        _step(subject, trained, optimizer, number)
    state = through_file(trained.state_dict(), "state_dict()")
    loaded = subject.model(seed=1)
    loaded.load_state_dict(state)
    if (place := difference(trained.state_dict(), loaded.state_dict())) is not None:
        raise Nonconformity(f"state_dict() does not come back, at {place}", "mend load_state_dict")
    with torch.no_grad():
        one, other = (call(model.eval(), subject.batch()) for model in (trained, loaded))
    if difference(one, other) is not None:
        raise Nonconformity(
            "a model with the loaded state predicts otherwise than the saved one",
            "something that prediction uses is not in state_dict(): make it a buffer or a parameter",
        )


@needs("predicts", "state_dict_round_trip")
def resume_equals_uninterrupted(subject: ModelSubject) -> None:
    """Training that was saved and continued ends where uninterrupted training ends, bit for bit."""
    if not any(parameter.requires_grad for parameter in subject.model().parameters()):
        raise NotApplicable("no trainable parameters")

    def start() -> tuple[nn.Module, Optimizer]:
        model = built_module(subject)
        optimizer = _optimizer(model)
        assert optimizer is not None
        return model, optimizer

    check_resuming(start, lambda model, optimizer, number: _step(subject, model, optimizer, number))


def _optimizer(model: nn.Module) -> Optimizer | None:
    groups = parameter_groups(model)
    return AdamW(groups, lr=0.01) if groups else None


def _step(subject: ModelSubject, model: nn.Module, optimizer: Optimizer | None, number: int) -> None:
    """One step of least squares on a batch in an order of its own."""
    random = generator(number)
    order = torch.randperm(subject.batch_size(), generator=random)
    batch = rows(subject.batch(), order)
    prediction = call(model.train(), batch).float()
    if optimizer is None:
        return
    optimizer.zero_grad()
    (prediction - torch.randn(prediction.shape, generator=random)).square().mean().backward()
    optimizer.step()


RULES: tuple[Rule, ...] = (
    schema_derivable,
    plain_defaults,
    imports_quietly,
    builds,
    builds_on_meta,
    predicts,
    output_shape_and_dtype,
    leaves_inputs_alone,
    gradients_reach_every_parameter,
    runs_in_bfloat16,
    evaluation_deterministic,
    batch_of_one,
    state_dict_round_trip,
    resume_equals_uninterrupted,
    entry_point_name,
    yaml_in_wheel,
)


def model_checks(
    target: str,
    *,
    config: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
    inputs: Inputs | None = None,
    output_shape: tuple[int, ...] | None = None,
) -> Suite:
    """The checks of a model, one by one: for `pytest.mark.parametrize("check", model_checks(...))`.

    Args:
        target: `package.module:attribute`, a class or factory.
        config: options of its constructor.
        expected_failures: reason by name of a check that fails and may. It must fail then.
        facts: what a run would inject: `in_features` 8, `out_features` 3 and `num_classes` 3, and these.
        inputs: of a batch: a tensor, a tuple or dict of them, or a function of the batch size; by default
            random float32 (B, in_features).
        output_shape: of one example's prediction, `(out_features,)` by default.

    Example:
        >>> check_model("zoo.models.linear:Linear")["batch_of_one"].status
        'passed'
    """
    known = {**FACTS, **(facts or {})}
    shape = (int(known["out_features"]),) if output_shape is None else output_shape
    subject = ModelSubject("model", target, config or {}, known, inputs, shape)
    return Suite(subject, target, RULES, expected_failures)


check_model = asserting(model_checks)
