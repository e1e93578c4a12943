"""The checks of a metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from zoo.testing.constructor import plain_defaults, schema_derivable
from zoo.testing.imports import imports_quietly
from zoo.testing.packaging import entry_point_name, yaml_in_wheel
from zoo.testing.randomness import generator
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, Rule, Suite, asserting, needs

FACTS: dict[str, Any] = {"num_classes": 3, "num_labels": 4}
PROBLEMS = ("binary", "multiclass", "multilabel", "regression")
#: What is declared, or not at all: outputs and targets have a form of their own.
SEQUENCES = "seq2seq"
#: What a metric of sequences can be fed.
READS = ("text", "logits", "weights")
#: Examples of an evaluation.
EXAMPLES = 48


@dataclass
class MetricSubject(Subject):
    """A metric, built for each problem that it is for."""

    def problems(self) -> tuple[str, ...]:
        """The problems that it declares, or all those of tables."""
        return tuple(getattr(self.component.load(), "problems", PROBLEMS))

    def metric(self, problem: str) -> Any:
        """A new instance for a problem."""
        facts = {**self.facts, "num_classes": 2} if problem == "binary" else dict(self.facts)
        known = Subject(self.kind, self.target, self.config, {**facts, "task": problem})
        return known.build()

    def examples(self, problem: str) -> tuple[Any, Any]:
        """Outputs and targets as a task gives them."""
        if problem == SEQUENCES:
            return sequences(str(getattr(self.metric(problem), "reads", "text")))
        random, classes, labels = generator(), int(self.facts["num_classes"]), int(self.facts["num_labels"])
        if getattr(self.component.load(), "predicts", "scores") == "embedding":
            return torch.randn(EXAMPLES, 3, generator=random), torch.arange(EXAMPLES) % classes
        if problem == "binary":
            return torch.rand(EXAMPLES, generator=random), torch.arange(EXAMPLES) % 2
        if problem == "multiclass":
            logits = torch.randn(EXAMPLES, classes, generator=random)
            return logits.softmax(1), torch.arange(EXAMPLES) % classes
        if problem == "multilabel":
            flags = (torch.rand(EXAMPLES, labels, generator=random) < 0.5).long()
            return torch.rand(EXAMPLES, labels, generator=random), flags
        return torch.randn(EXAMPLES, 2, generator=random), torch.randn(EXAMPLES, 2, generator=random)


def sequences(reads: str) -> tuple[Any, Any]:
    """What a metric of sequences is fed for as many examples, one a row.

    Args:
        reads: `text`: predictions, and one to three right answers to each, sometimes the same; `logits`: of target
            positions over 6 tokens, and their tokens; `weights`: of 5 target and 4 source positions, and which target
            positions are real.
    """
    random = generator()
    if reads == "logits":
        return torch.randn(EXAMPLES, 6, generator=random), torch.arange(EXAMPLES) % 6
    if reads == "weights":
        lengths = 1 + torch.arange(EXAMPLES) % 5
        return torch.randn(EXAMPLES, 5, 4, generator=random).softmax(2), torch.arange(5) < lengths.unsqueeze(1)
    sizes = torch.randint(2, 9, (EXAMPLES, 3), generator=random).tolist()
    texts = [[_text(size, random) for size in three] for three in sizes]
    references = [three[: 1 + row % 3] for row, three in enumerate(texts)]
    return [three[0] if row % 4 == 0 else _text(6, random) for row, three in enumerate(texts)], references


def _text(words: int, random: torch.Generator) -> str:
    """As many random words."""
    return " ".join("abcde"[letter] * 2 for letter in torch.randint(5, (words,), generator=random).tolist())


def _values(metric: Metric, outputs: Any, targets: Any, size: int) -> dict[str, float]:
    for first in range(0, EXAMPLES, size):
        metric.update(outputs[first : first + size], targets[first : first + size])
    return _named(metric, metric.compute())


def _named(metric: Metric, value: Any) -> dict[str, float]:
    """The number that a metric computed, or those that it says a value has."""
    numbers = getattr(metric, "numbers", None)
    return {"compute()": float(value)} if numbers is None else dict(numbers(value))


@needs("schema_derivable")
def builds(subject: MetricSubject) -> None:
    """It makes a torchmetrics metric for each problem that it declares."""
    known = (*PROBLEMS, SEQUENCES)
    unknown = [one for one in subject.problems() if one not in known]
    if unknown:
        raise Nonconformity(f"problems has {', '.join(unknown)}", f"known: {', '.join(known)}")
    for problem in subject.problems():
        built = subject.metric(problem)
        if not isinstance(built, Metric):
            raise Nonconformity(f"it builds a {type(built).__name__}", "return a torchmetrics.Metric")
        reads = getattr(built, "reads", "text")
        if problem == SEQUENCES and reads not in READS:
            raise Nonconformity(f"reads is {reads!r}", f"known: {', '.join(READS)}")


@needs("builds")
def finite_scalar(subject: MetricSubject) -> None:
    """`compute()` gives one finite number, or a value of which `numbers` gives several by name."""
    for problem in subject.problems():
        metric = subject.metric(problem)
        metric.update(*subject.examples(problem))
        value = metric.compute()
        if not hasattr(metric, "numbers"):
            if not isinstance(value, Tensor) or value.numel() != 1 or not value.isfinite().all():
                remedy = "return one number, as a tensor (); for several add a method numbers(value)"
                raise Nonconformity(f"{problem}: compute() gives {value}", remedy)
            continue
        numbers = metric.numbers(value)
        plain = isinstance(numbers, dict) and all(type(name) is str for name in numbers)
        if not plain or not numbers or not all(type(one) is float and isfinite(one) for one in numbers.values()):
            raise Nonconformity(f"{problem}: numbers() gives {numbers}", "return a dict of finite floats by name")


@needs("finite_scalar")
def accumulates_over_examples(subject: MetricSubject) -> None:
    """The value does not depend on the batches in which the examples came."""
    for problem in subject.problems():
        examples = subject.examples(problem)
        whole = _values(subject.metric(problem), *examples, EXAMPLES)
        parts = _values(subject.metric(problem), *examples, 7)
        for name, one in whole.items():
            if name not in parts or abs(one - parts[name]) > 1e-4 * max(1.0, abs(one)):
                raise Nonconformity(
                    f"{problem}: {name} is {one:.6g} in one batch, {parts.get(name, nan):.6g} in batches of 7",
                    "keep sums and counts over examples, never means of batches",
                )


@needs("finite_scalar")
def reset_forgets(subject: MetricSubject) -> None:
    """After `reset()` it starts anew."""
    for problem in subject.problems():
        outputs, targets = subject.examples(problem)
        metric = subject.metric(problem)
        expected = _values(metric, outputs, targets, EXAMPLES)
        metric.reset()
        metric.update(outputs.flip(0) if isinstance(outputs, Tensor) else outputs[::-1], targets)
        metric.reset()
        found = _values(metric, outputs, targets, EXAMPLES)
        if any(name not in found or abs(one - found[name]) > 1e-6 for name, one in expected.items()):
            raise Nonconformity(f"{problem}: reset() leaves something behind", "hold all state with add_state")


RULES: tuple[Rule, ...] = (
    schema_derivable,
    plain_defaults,
    imports_quietly,
    builds,
    finite_scalar,
    accumulates_over_examples,
    reset_forgets,
    entry_point_name,
    yaml_in_wheel,
)


def metric_checks(
    target: str,
    *,
    config: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Suite:
    """The checks of a metric, one by one: for `pytest.mark.parametrize("check", metric_checks(...))`.

    Args:
        target: `package.module:attribute`, a class or factory.
        config: options of its constructor.
        expected_failures: reason by name of a check that fails and may. It must fail then.
        facts: what a run would inject: `num_classes` 3, `num_labels` 4, and these; `task` is each of its problems.
    """
    subject = MetricSubject("metric", target, config or {}, {**FACTS, **(facts or {})})
    return Suite(subject, target, RULES, expected_failures)


check_metric = asserting(metric_checks)
