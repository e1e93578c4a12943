"""What the decoders share: their state, and the loop over a known target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.seq2seq import deferred
from zoo.seq2seq.decoders.attending import Attending
from zoo.seq2seq.dropout import Dropout
from zoo.seq2seq.recurrence import Noise, Recurrence, State

#: The embedded tokens of step t + 1, (B, 1, E), given t and the features of step t, (B, 1, F).
Feed = Callable[[int, Tensor], Tensor]


class DecoderState(NamedTuple):
    """What one step hands to the next, for N hypotheses a sentence.

    Attributes:
        recurrent: of every layer, hidden (B, N, H) and, of an lstm, cell.
        attentional: the vector that input feeding feeds, (B, N, H); None without.
        attention: of the attention, tensors (B, N, ...); None at the first step, and where none is needed.
    """

    recurrent: State
    attentional: Tensor | None
    attention: Any


class StepNoise(NamedTuple):
    """Dropout of one step; None is no dropout.

    Attributes:
        recurrence: of the layers.
        features: factors of what is predicted from, (B, 1, F).
    """

    recurrence: Noise | None
    features: Tensor | None


#: Outside training.
SILENT = StepNoise(None, None)


class Decoder(nn.Module, ABC):
    """Embedded target tokens and a source memory to features, which predict the next token.

    A subclass says what a step is; it may do all steps at once where it can.

    Args:
        recurrence: the layers.
        attention: with `prepare`, and callable.
        embedding_size: E.
        feature_size: F.
        dropout: share of the features dropped.
        variational: one mask of the features for all steps of a sentence.
    """

    def __init__(
        self,
        recurrence: Recurrence,
        attention: nn.Module,
        *,
        embedding_size: int,
        feature_size: int,
        dropout: float,
        variational: bool,
    ) -> None:
        super().__init__()
        self.recurrence = recurrence
        self.attend = Attending(attention)
        self.embedding_size, self.feature_size = embedding_size, feature_size
        self.dropout = Dropout(dropout, variational)

    def prepare(self, states: Tensor, mask: Tensor) -> Any:
        """Encoder states (B, S, K) and their mask (B, S) to what the attention reads, once a sentence."""
        return self.attend.prepare(states, mask)

    @abstractmethod
    def start(self, recurrent: State) -> DecoderState:
        """The state before the first step, of the recurrence's, of every layer (B, H): one hypothesis a sentence."""

    @abstractmethod
    def step(
        self,
        embedded: Tensor,
        memory: Any,
        state: DecoderState,
        *,
        gates: Tensor | None = None,
        noise: StepNoise = SILENT,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """One step.

        Args:
            embedded: tokens, (B, N, E).
            memory: of `prepare`.
            state: of the step before.
            gates: their part of the gates of the lowest layer, where known.
            noise: dropout.

        Returns:
            Features (B, N, F), weights (B, N, S), and the state for the next step.
        """

    def forward(
        self, embedded: Tensor, memory: Any, state: DecoderState, feed: Feed | None = None
    ) -> tuple[Tensor, Tensor]:
        """All steps of a known target.

        Args:
            embedded: tokens, (B, T, E).
            memory: of `prepare`.
            state: of `start`.
            feed: chooses the tokens of each step but the first, in place of `embedded`.

        Returns:
            Features (B, T, F) and weights (B, T, S).
        """
        batch, steps, _ = embedded.shape
        features: list[Tensor] = []
        all_weights: list[Tensor] = []
        with deferred.loop():
            gates = None if feed is not None else self.recurrence.gates(embedded.transpose(0, 1).unsqueeze(2))
            tokens = embedded[:, :1]
            for t, noise in enumerate(self.noise(embedded, batch, steps)):
                if feed is None:
                    tokens = embedded[:, t : t + 1]
                elif t:
                    tokens = feed(t - 1, features[-1])
                feature, weights, state = self.step(
                    tokens, memory, state, gates=None if gates is None else gates[t], noise=noise
                )
                features.append(feature)
                all_weights.append(weights)
        return torch.cat(features, 1), torch.cat(all_weights, 1)

    def noise(self, like: Tensor, batch: int, steps: int) -> list[StepNoise]:
        """The dropout of T steps, in training."""
        drawn: Sequence[Noise | None] = self.recurrence.draw(like, batch, 1, steps=steps) or [None] * steps
        factors = self.dropout.factor(like.new_empty(steps, batch, 1, self.feature_size), time=self._time)
        every: Sequence[Tensor | None] = [None] * steps
        if factors is not None:
            every = factors.expand(steps, -1, -1, -1).unbind()
        return [StepNoise(*one) for one in zip(drawn, every, strict=True)]

    @property
    def _time(self) -> int | None:
        """The axis of time in the factors of the features, if all steps have the same."""
        return 0 if self.dropout.variational else None
