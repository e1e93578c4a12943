"""The checks of a loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.testing.constructor import plain_defaults, schema_derivable
from zoo.testing.imports import imports_quietly
from zoo.testing.modules import builds, builds_on_meta, built_module
from zoo.testing.nested import difference, through_file
from zoo.testing.packaging import entry_point_name, yaml_in_wheel
from zoo.testing.randomness import generator
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, Rule, Suite, asserting, needs

FACTS: dict[str, Any] = {"num_classes": 3}
PROBLEMS = ("binary", "multiclass", "multilabel", "regression", "forecast", "seq2seq")
FORMS = ("class", "indicator", "value")
#: Examples in a batch, and values of a target in the form `value`.
BATCH, VALUES = 8, 2

Examples = Callable[[int], tuple[Tensor, Tensor]]


@dataclass
class LossSubject(Subject):
    """A loss and the examples it is fed.

    Attributes:
        examples: predictions and targets of as many examples; by default what its `target` asks for.
    """

    examples: Examples | None = None

    def loss(self) -> nn.Module:
        """A new instance."""
        return built_module(self)

    def form(self) -> str:
        """What it takes as target: declared, or what a task would assume."""
        loss = self.loss()
        problems = getattr(loss, "problems", ())
        assumed = {("regression",): "value", ("multilabel",): "indicator"}.get(tuple(problems), "class")
        return str(getattr(loss, "target", assumed))

    def batch(self, seed: int = 0, size: int = BATCH) -> tuple[Tensor, Tensor]:
        """Random predictions and targets."""
        if self.examples is not None:
            torch.manual_seed(seed)
            return self.examples(size)
        random, form, classes = generator(seed), self.form(), int(self.facts["num_classes"])
        if form == "class":
            targets = torch.randint(classes, (size,), generator=random)
            return torch.randn(size, classes, generator=random), targets
        if form == "indicator":
            return torch.randn(size, classes, generator=random), torch.eye(2)[:, :1].repeat(size, classes)[:size]
        return torch.randn(size, VALUES, generator=random), torch.randn(size, VALUES, generator=random)

    def right_and_wrong(self) -> tuple[Tensor, Tensor, Tensor]:
        """A prediction that meets the targets, one that misses them, and the targets."""
        prediction, target = self.batch()
        if self.form() == "class":
            classes = prediction.shape[1]
            right = functional.one_hot(target, classes).movedim(-1, 1) * 8.0 - 4.0
            return right, right.roll(1, dims=1), target
        if self.form() == "indicator":
            return target * 8.0 - 4.0, 4.0 - target * 8.0, target
        return target.clone(), target + 3.0, target


@needs("builds")
def declared_problems(subject: LossSubject) -> None:
    """`problems` and `target`, where the class has them, say what the harness understands."""
    loss = subject.loss()
    problems = getattr(loss, "problems", ())
    unknown = [str(one) for one in problems if one not in PROBLEMS]
    if isinstance(problems, str) or unknown:
        raise Nonconformity(f"problems is {problems!r}", f"make it a tuple of {', '.join(PROBLEMS)}")
    form = getattr(loss, "target", None)
    if form is not None and form not in FORMS:
        raise Nonconformity(f"target is {form!r}", f"make it one of {', '.join(FORMS)}")
    if form == "value" and problems and "regression" not in problems:
        raise Nonconformity(f"target 'value' does not go with {problems!r}", "class targets are integers")


@needs("declared_problems")
def finite_scalar(subject: LossSubject) -> None:
    """A loss is one finite float32 number."""
    value = subject.loss()(*subject.batch())
    if not isinstance(value, Tensor) or value.dim() != 0:
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise Nonconformity(f"the loss is {shape}, expected a tensor ()", "return the mean over the examples")
    if value.dtype != torch.float32 or not value.isfinite():
        raise Nonconformity(f"the loss is {value.item()} ({value.dtype}) for ordinary float32 predictions")


@needs("finite_scalar")
def gradient_reaches_prediction(subject: LossSubject) -> None:
    """The gradient with respect to the prediction is finite, and not zero."""
    prediction, target = subject.batch()
    value = subject.loss()(prediction.requires_grad_(), target)
    if not value.requires_grad:
        raise Nonconformity("the loss does not depend on the prediction", "do not detach it, nor take its argmax")
    (gradient,) = torch.autograd.grad(value, prediction, allow_unused=True)
    if gradient is None or not gradient.any() or not gradient.isfinite().all():
        raise Nonconformity("the gradient of the prediction is zero or not finite")


@needs("finite_scalar")
def perfect_beats_wrong(subject: LossSubject) -> None:
    """A prediction that meets its target costs less than one that misses it."""
    right, wrong, target = subject.right_and_wrong()
    loss = subject.loss()
    low, high = float(loss(right, target)), float(loss(wrong, target))
    if not low < high:
        raise Nonconformity(f"a right prediction costs {low:.4g}, a wrong one {high:.4g}", "check the sign")


@needs("finite_scalar")
def mean_over_examples(subject: LossSubject) -> None:
    """The loss of a batch is the mean over its examples: two halves, weighted by `count` where there is one."""
    loss = subject.loss()
    (one_prediction, one_target), (other_prediction, other_target) = subject.batch(1), subject.batch(2)
    count = getattr(loss, "count", len)
    weights = [float(count(target)) for target in (one_target, other_target)]
    values = [float(loss(one_prediction, one_target)), float(loss(other_prediction, other_target))]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    whole = float(loss(torch.cat([one_prediction, other_prediction]), torch.cat([one_target, other_target])))
    if abs(whole - mean) > 1e-4 * max(1.0, abs(mean)):
        raise Nonconformity(
            f"a batch costs {whole:.6g}, the mean of its halves is {mean:.6g}",
            "divide by the number of examples; a weighted mean gives its denominator as count(target)",
        )


@needs("gradient_reaches_prediction")
def stable_at_large_predictions(subject: LossSubject) -> None:
    """Predictions of ±30 give a finite loss and a finite gradient."""
    prediction, target = subject.batch()
    loss = subject.loss()
    for large in (prediction.sign() * 30, -prediction.sign() * 30):
        large.requires_grad_()
        value = loss(large, target)
        (gradient,) = torch.autograd.grad(value, large, allow_unused=True)
        if not value.isfinite() or (gradient is not None and not gradient.isfinite().all()):
            raise Nonconformity(
                f"predictions of ±30 give a loss of {value.item()}, or a gradient that is not finite",
                "use log_softmax, logsigmoid and softplus instead of logarithms of probabilities",
            )


@needs("gradient_reaches_prediction")
def runs_in_bfloat16(subject: LossSubject) -> None:
    """Predictions in bfloat16, under autocast as with mixed precision, give a finite loss."""
    prediction, target = subject.batch()
    target = target.bfloat16() if target.is_floating_point() else target
    prediction = prediction.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = subject.loss()(prediction, target)
    if not value.isfinite():
        raise Nonconformity("the loss of bfloat16 predictions is not finite", "compute it in float32")
    value.backward()


@needs("finite_scalar")
def leaves_inputs_alone(subject: LossSubject) -> None:
    """Predictions and targets are not written into."""
    batch = subject.batch()
    subject.loss()(*batch)
    if difference(batch, subject.batch()) is not None:
        raise Nonconformity("the loss changes its arguments", "avoid in-place operations on them")


@needs("finite_scalar")
def state_dict_round_trip(subject: LossSubject) -> None:
    """Its state is plain data, and a new instance that loads it gives the same loss."""
    one, other = subject.loss(), subject.loss()
    one(*subject.batch())
    other.load_state_dict(through_file(one.state_dict(), "state_dict()"))
    batch = subject.batch(3)
    if difference(one.eval()(*batch), other.eval()(*batch)) is not None:
        raise Nonconformity("a loss with the loaded state gives another value", "keep its state in buffers")


RULES: tuple[Rule, ...] = (
    schema_derivable,
    plain_defaults,
    imports_quietly,
    builds,
    builds_on_meta,
    declared_problems,
    finite_scalar,
    gradient_reaches_prediction,
    perfect_beats_wrong,
    mean_over_examples,
    stable_at_large_predictions,
    runs_in_bfloat16,
    leaves_inputs_alone,
    state_dict_round_trip,
    entry_point_name,
    yaml_in_wheel,
)


def loss_checks(
    target: str,
    *,
    config: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
    examples: Examples | None = None,
) -> Suite:
    """The checks of a loss, one by one: for `pytest.mark.parametrize("check", loss_checks(...))`.

    Args:
        target: `package.module:attribute`, a class or factory.
        config: options of its constructor.
        expected_failures: reason by name of a check that fails and may. It must fail then.
        facts: what a run would inject: `num_classes` 3, and these.
        examples: predictions and targets of as many examples; by default what the class attribute `target` asks
            for: logits (B, C) and classes (B,), logits and indicators (B, C), or values (B, 2).
    """
    subject = LossSubject("loss", target, config or {}, {**FACTS, **(facts or {})}, examples)
    return Suite(subject, target, RULES, expected_failures)


check_loss = asserting(loss_checks)
