"""Models that predict together, stepped over the sentences and hypotheses that are left."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention.nested import map_tensors


class StepModel(Protocol):
    """What a search needs of a model. B sentences, N hypotheses of each, S source positions, V tokens."""

    def encode(self, source: Tensor) -> Any:
        """(B, S) int64, padded on the right, to tensors in any structure whose first axis is B."""

    def start(self, memory: Any) -> Any:
        """The state before the first token: tensors (B, 1, ...) in any structure, or `None`."""

    def step(self, tokens: Tensor, memory: Any, state: Any) -> tuple[Tensor, Tensor | None, Any]:
        """Previous tokens (B, N) to logits (B, N, V), weights (B, N, S) or `None`, and the next state (B, N, ...)."""


@contextmanager
def evaluating(models: Sequence[StepModel]) -> Iterator[None]:
    """Puts modules that train into evaluation mode, and back."""
    training = [model for model in models if isinstance(model, nn.Module) and model.training]
    for model in training:
        model.eval()
    try:
        yield
    finally:
        for model in training:
            model.train()


class Ensemble:
    """The mean of the probabilities of one or more models.

    Attention weights are those over the first model's sources: the mean over the models that read the very same ids
    of a sentence. One with other ids, of another tokenizer, has other positions, and no say in it.

    Args:
        models: at least one.
        sources: those of each model, (B, S_m) int64.
        padding_id: of every source.

    Raises:
        ValueError: numbers of models and sources, or of sentences, differ.
    """

    def __init__(self, models: Sequence[StepModel], sources: Sequence[Tensor], padding_id: int) -> None:
        if not models or len(models) != len(sources):
            raise ValueError(f"{len(models)} models with {len(sources)} sources; give one tensor of sources a model")
        if len({len(source) for source in sources}) > 1:
            sizes = ", ".join(str(len(source)) for source in sources)
            raise ValueError(f"the models' sources have {sizes} sentences; they must be the same ones")
        self.models = list(models)
        self.memories = [model.encode(source) for model, source in zip(models, sources, strict=True)]
        self.states = [model.start(memory) for model, memory in zip(models, self.memories, strict=True)]
        self.width = sources[0].shape[1]
        #: Whether a model reads the ids that the first one reads, (B,) each.
        self.agree = [_same(sources[0], source, padding_id) for source in sources]

    def step(self, tokens: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The next token of every hypothesis.

        Args:
            tokens: the previous ones, (B, N).

        Returns:
            Log-probabilities, (B, N, V), the caller's own to change; weights, (B, N, S) or `None`; and whether a
            sentence has weights, (B,), `None` if all have.
        """
        mean: Tensor | None = None
        looked: list[tuple[Tensor, Tensor]] = []
        for index, model in enumerate(self.models):
            logits, weights, self.states[index] = model.step(tokens, self.memories[index], self.states[index])
            _check(model, tokens, logits, mean)
            half = logits.dtype in (torch.bfloat16, torch.float16)
            own = logits.log_softmax(-1, dtype=torch.float32 if half else None)
            mean = own if mean is None else torch.logaddexp(mean, own)
            if weights is not None:
                looked.append((weights.detach().float(), self.agree[index]))
        assert mean is not None
        if len(self.models) > 1:
            mean = mean.sub_(math.log(len(self.models))).clamp_(max=0)
        return mean, *self._mean_weights(looked)

    def _mean_weights(self, looked: list[tuple[Tensor, Tensor]]) -> tuple[Tensor | None, Tensor | None]:
        """Weights over the first model's positions, and which sentences have some."""
        if len(self.models) == 1:
            return (looked[0][0] if looked else None), None
        if not looked:
            return None, None
        weights = torch.zeros(())
        counts = torch.zeros(())
        for one, agrees in looked:
            fitted = nn.functional.pad(one, (0, self.width - one.shape[-1]))  # a negative width cuts padding off
            weights = weights + fitted * agrees.view(-1, 1, 1)
            counts = counts + agrees
        return weights / counts.clamp(min=1).view(-1, 1, 1), counts > 0

    def follow(self, rows: Tensor | None, flat: Tensor | None) -> None:
        """Keep some sentences, and continue some of their hypotheses.

        Args:
            rows: sentences to keep, (B',); `None` for all. Only then are memories touched.
            flat: b · N + n of the hypotheses that the new ones continue, (B', N'); `None` if each continues itself.
        """
        if rows is not None:
            self.memories = [map_tensors(lambda one: one.index_select(0, rows), memory) for memory in self.memories]
            self.agree = [agrees[rows] for agrees in self.agree]
        if flat is not None:
            self.states = [map_tensors(lambda one: follow(one, flat), state) for state in self.states]


def follow(tensor: Tensor, flat: Tensor) -> Tensor:
    """(B, N, ...) and indices into B · N, (B', N'), to (B', N', ...)."""
    chosen = tensor.flatten(0, 1).index_select(0, flat.flatten())
    return chosen.view(*flat.shape, *tensor.shape[2:])


def _same(first: Tensor, other: Tensor, padding_id: int) -> Tensor:
    """Which rows hold the same ids, up to padding on the right, (B,)."""
    width = max(first.shape[1], other.shape[1])
    one, two = (nn.functional.pad(ids, (0, width - ids.shape[1]), value=padding_id) for ids in (first, other))
    return (one == two).all(1)


def _check(model: StepModel, tokens: Tensor, logits: Tensor, mean: Tensor | None) -> None:
    """Raises a ValueError for logits of a wrong shape."""
    if logits.dim() != 3 or logits.shape[:2] != tokens.shape:
        raise ValueError(
            f"{type(model).__name__}.step gave logits of shape {tuple(logits.shape)} for tokens of shape "
            f"{tuple(tokens.shape)}; it must give (B, N, V)"
        )
    if mean is not None and logits.shape != mean.shape:
        raise ValueError(
            f"models of an ensemble have {mean.shape[2]} and {logits.shape[2]} target tokens; "
            "they must share the target vocabulary"
        )
