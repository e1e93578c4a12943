"""The decoder of Luong, Pham & Manning (2015)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zoo.seq2seq import deferred
from zoo.seq2seq.decoders.decoder import SILENT, Decoder, DecoderState, Feed, StepNoise
from zoo.seq2seq.recurrence import Recurrence, State
from zoo.seq2seq.recurrence.precision import product_type


class LuongDecoder(Decoder):
    """Attends with the state it has reached, and predicts from both.

    ```
    h_t = RNN([y_{t-1}; a_{t-1}], h_{t-1})      a_0 = 0; without input feeding [y_{t-1}] alone, section 3.3
    c_t = attention(h_t)                        h_t of the highest layer
    a_t = tanh(W [c_t; h_t])                    the attentional vector, equation 5; features
    ```

    Without input feeding no step needs the attention of another: the recurrence runs over all of them at once, and so
    does the attention.

    Args:
        recurrence: the layers, of inputs of size E + H with input feeding, else E.
        attention: of queries of size H.
        embedding_size: E.
        context_size: K.
        input_feeding: whether the attentional vector is part of the next step's input.
        dropout: share of a_t dropped, for prediction and for the next step alike.
        variational: one mask of a_t for all steps of a sentence.
    """

    def __init__(
        self,
        recurrence: Recurrence,
        attention: nn.Module,
        *,
        embedding_size: int,
        context_size: int,
        input_feeding: bool = True,
        dropout: float = 0.0,
        variational: bool = False,
    ) -> None:
        size = recurrence.hidden_size
        super().__init__(
            recurrence,
            attention,
            embedding_size=embedding_size,
            feature_size=size,
            dropout=dropout,
            variational=variational,
        )
        self.input_feeding = input_feeding
        self.combine = nn.Linear(context_size + size, size, bias=False)

    def start(self, recurrent: State) -> DecoderState:
        """See `Decoder`."""
        first = tuple(tuple(part.unsqueeze(1) for part in layer) for layer in recurrent)
        return DecoderState(first, torch.zeros_like(first[-1][0]) if self.input_feeding else None, None)

    def step(
        self,
        embedded: Tensor,
        memory: Any,
        state: DecoderState,
        *,
        gates: Tensor | None = None,
        noise: StepNoise = SILENT,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """See `Decoder`."""
        if gates is None:
            gates = self.recurrence.gates(embedded, linear=deferred.linear)
        fed = embedded[..., :0] if state.attentional is None else state.attentional
        output, recurrent = self.recurrence.step(
            fed, state.recurrent, gates=gates, noise=noise.recurrence, linear=deferred.linear
        )
        context, weights, attention = self.attend(output, memory, state.attention)
        features = self._features(context, output)
        if noise.features is not None:
            features = features * noise.features
        return features, weights, DecoderState(recurrent, features if self.input_feeding else None, attention)

    def forward(
        self, embedded: Tensor, memory: Any, state: DecoderState, feed: Feed | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `Decoder`."""
        if self.input_feeding or feed is not None:
            return super().forward(embedded, memory, state, feed)
        first = tuple(tuple(part.squeeze(1) for part in layer) for layer in state.recurrent)
        outputs, _ = self.recurrence(embedded, state=first)
        contexts, weights = self.attend.steps(outputs, memory)
        features = self._features(contexts, outputs)
        factors = self.dropout.factor(features, time=1 if self.dropout.variational else None)
        return features if factors is None else features * factors, weights

    def _features(self, context: Tensor, output: Tensor) -> Tensor:
        """(B, N, K) and (B, N, H) -> (B, N, H)."""
        dtype = product_type(self.combine.weight)
        joined = torch.cat([context.to(dtype), output.to(dtype)], -1)
        return torch.tanh(deferred.linear(joined, self.combine.weight))
