"""The checks of an attention: `prepare(keys, mask)` once a sentence, then `attention(query, memory, state)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.testing.constructor import plain_defaults, schema_derivable
from zoo.testing.imports import imports_quietly
from zoo.testing.modules import builds, builds_on_meta, built_module, require_gradients, shake
from zoo.testing.nested import difference, rows, through_file
from zoo.testing.packaging import entry_point_name, yaml_in_wheel
from zoo.testing.randomness import generator, seed_everything
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, NotApplicable, Rule, Suite, asserting, needs

FACTS: dict[str, Any] = {"query_size": 6, "key_size": 8}
#: Source lengths of the sentences of a batch, and decoder steps.
LENGTHS, STEPS = (5, 7, 1, 3), 3


class Sentences(NamedTuple):
    """A batch of source sentences and the queries of some decoder steps.

    Attributes:
        keys: (B, S, K).
        mask: True where a token stands, (B, S).
        queries: (B, T, Q).
    """

    keys: Tensor
    mask: Tensor
    queries: Tensor


@dataclass
class AttentionSubject(Subject):
    """An attention and what it attends to."""

    def attention(self, seed: int = 0) -> nn.Module:
        """A new instance in evaluation mode, off its initial values."""
        seed_everything(seed)
        module = built_module(self)
        shake(module)
        return module.eval()

    def sentences(self, seed: int = 0) -> Sentences:
        """A padded batch."""
        random = generator(seed)
        keys = torch.randn(len(LENGTHS), max(LENGTHS), int(self.facts["key_size"]), generator=random)
        mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS).unsqueeze(1)
        return Sentences(keys, mask, torch.randn(len(LENGTHS), STEPS, int(self.facts["query_size"]), generator=random))


def attend(attention: nn.Module, sentences: Sentences) -> tuple[Tensor, Tensor]:
    """Contexts (B, T, K) and weights (B, T, S) of every step."""
    memory, state = attention.prepare(sentences.keys, sentences.mask), None  # type: ignore[operator]
    contexts, weights = [], []
    for query in sentences.queries.unbind(1):
        context, weight, state = attention(query, memory, state)
        contexts.append(context)
        weights.append(weight)
    return torch.stack(contexts, 1), torch.stack(weights, 1)


@needs("builds")
def attends(subject: AttentionSubject) -> None:
    """It has `prepare(keys, mask)`, and each step returns context, weights and state."""
    attention = subject.attention()
    if not callable(getattr(attention, "prepare", None)):
        raise Nonconformity("it has no method prepare(keys, mask)", "project the keys there, once a sentence")
    sentences = subject.sentences()
    memory = attention.prepare(sentences.keys, sentences.mask)  # type: ignore[operator]
    returned = attention(sentences.queries[:, 0], memory, None)
    if not isinstance(returned, tuple) or len(returned) != 3:
        raise Nonconformity("a step does not return (context, weights, state)", "state may be None")
    attend(attention, sentences)


@needs("attends")
def output_shape_and_dtype(subject: AttentionSubject) -> None:
    """Contexts are (B, K) and weights (B, S), finite, float32, and no weight is negative."""
    sentences = subject.sentences()
    context, weights = attend(subject.attention(), sentences)
    batch, length, size = sentences.keys.shape
    for name, tensor, width in (("context", context, size), ("weights", weights, length)):
        if tuple(tensor.shape) != (batch, STEPS, width):
            raise Nonconformity(f"{name} is {(batch, *tensor.shape[2:])} a step, expected {(batch, width)}")
        if tensor.dtype != torch.float32 or not tensor.isfinite().all():
            raise Nonconformity(f"{name} is not finite float32")
    if (weights < 0).any():
        raise Nonconformity(f"a weight is {weights.min().item():.3g}", "weights are never negative")


@needs("output_shape_and_dtype")
def no_weight_on_padding(subject: AttentionSubject) -> None:
    """Padded positions get a weight of exactly zero."""
    sentences = subject.sentences()
    _, weights = attend(subject.attention(), sentences)
    on_padding = weights.masked_fill(sentences.mask.unsqueeze(1), 0.0)
    if on_padding.any():
        raise Nonconformity(
            f"padding gets a weight of {on_padding.max().item():.3g}", "mask the energies before the softmax"
        )


@needs("output_shape_and_dtype")
def empty_row_gives_zeros(subject: AttentionSubject) -> None:
    """A sentence with no valid position gets zero weights and a zero context, in float32 and bfloat16."""
    for dtype in (torch.float32, torch.bfloat16):
        sentences = subject.sentences()
        mask = sentences.mask.clone()
        mask[1] = False
        whole = Sentences(sentences.keys.to(dtype), mask, sentences.queries.to(dtype))
        outputs = attend(subject.attention().to(dtype), whole)
        for name, output in zip(("context", "weights"), outputs, strict=True):
            if not output.isfinite().all():
                raise Nonconformity(f"{name} of an empty sentence is NaN or infinite, in {dtype}", "guard the softmax")
            if output[1].any():
                raise Nonconformity(f"{name} of an empty sentence is not zero, in {dtype}", "multiply by the mask")


@needs("output_shape_and_dtype", "no_weight_on_padding")
def padding_changes_nothing(subject: AttentionSubject) -> None:
    """Whatever stands in padded positions, and however many there are, contexts stay the same."""
    sentences, attention = subject.sentences(), subject.attention()
    context, weights = attend(attention, sentences)
    keys = sentences.keys.masked_fill(~sentences.mask.unsqueeze(2), 50.0)
    keys = torch.cat([keys, torch.full_like(keys, 9.0)], 1)
    mask = torch.cat([sentences.mask, torch.zeros_like(sentences.mask)], 1)
    padded_context, padded_weights = attend(attention, Sentences(keys, mask, sentences.queries))
    length = sentences.mask.shape[1]
    _same(context, padded_context, "more padding changes the context")
    _same(weights, padded_weights[..., :length], "more padding changes the weights")


@needs("output_shape_and_dtype", "no_weight_on_padding")
def batch_of_one(subject: AttentionSubject) -> None:
    """A sentence alone gets the context that it gets in a batch."""
    sentences, attention = subject.sentences(), subject.attention()
    context, _ = attend(attention, sentences)
    for row in range(len(LENGTHS)):
        alone, _ = attend(attention, rows(sentences, slice(row, row + 1)))
        _same(context[row : row + 1], alone, f"sentence {row} alone and in a batch differ")


@needs("output_shape_and_dtype")
def keeps_no_state(subject: AttentionSubject) -> None:
    """Sentences attended to in turn do not mix: what a step needs is in `memory` and `state`."""
    one, other, attention = subject.sentences(0), subject.sentences(1), subject.attention()
    expected, _ = attend(attention, one)
    memory, state = attention.prepare(one.keys, one.mask), None  # type: ignore[operator]
    for step, query in enumerate(one.queries.unbind(1)):
        context, _, state = attention(query, memory, state)
        _same(expected[:, step], context, f"step {step} changes when another batch is attended to in between")
        attend(attention, other)


@needs("output_shape_and_dtype")
def gradients_reach_every_parameter(subject: AttentionSubject) -> None:
    """Every trainable parameter gets a gradient."""
    attention = subject.attention().train()
    if not any(parameter.requires_grad for parameter in attention.parameters()):
        raise NotApplicable("no trainable parameters")
    context, _ = attend(attention, subject.sentences())
    require_gradients(attention, context)


@needs("output_shape_and_dtype")
def state_dict_round_trip(subject: AttentionSubject) -> None:
    """A new instance that loads the saved state attends the same, and the state is plain data."""
    one, other = subject.attention(seed=0), subject.attention(seed=1)
    other.load_state_dict(through_file(one.state_dict(), "state_dict()"))
    if difference(attend(one, subject.sentences()), attend(other, subject.sentences())) is not None:
        raise Nonconformity("an attention with the loaded state differs", "keep its state in parameters and buffers")


def _same(one: Tensor, other: Tensor, problem: str) -> None:
    if not torch.allclose(one, other, rtol=1e-4, atol=1e-5):
        raise Nonconformity(f"{problem}, by up to {(one - other).abs().max().item():.3g}")


RULES: tuple[Rule, ...] = (
    schema_derivable,
    plain_defaults,
    imports_quietly,
    builds,
    builds_on_meta,
    attends,
    output_shape_and_dtype,
    no_weight_on_padding,
    empty_row_gives_zeros,
    padding_changes_nothing,
    batch_of_one,
    keeps_no_state,
    gradients_reach_every_parameter,
    state_dict_round_trip,
    entry_point_name,
    yaml_in_wheel,
)


def attention_checks(
    target: str,
    *,
    config: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Suite:
    """The checks of an attention, one by one: for `pytest.mark.parametrize("check", attention_checks(...))`.

    Args:
        target: `package.module:attribute`, a class or factory.
        config: options of its constructor.
        expected_failures: reason by name of a check that fails and may. It must fail then.
        facts: what a model would inject: `query_size` 6, `key_size` 8, and these.
    """
    subject = AttentionSubject("attention", target, config or {}, {**FACTS, **(facts or {})})
    return Suite(subject, target, RULES, expected_failures)


check_attention = asserting(attention_checks)
