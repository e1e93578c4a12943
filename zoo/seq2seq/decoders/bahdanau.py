"""The decoder of Bahdanau, Cho & Bengio (2015)."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from zoo.seq2seq import deferred
from zoo.seq2seq.decoders.decoder import SILENT, Decoder, DecoderState, Feed, StepNoise
from zoo.seq2seq.recurrence import Recurrence, State

ReadoutKind = Literal["maxout", "tanh"]


class Readout(nn.Module):
    """Features of a step: a hidden layer over [s_t; y_{t-1}; c_t], a "deep output" (Pascanu et al. 2014).

    `maxout` is appendix A.2.2 of Bahdanau et al. (2015): each feature the larger one of two linear units; Goodfellow
    et al. (2013). The state is s_t, as in their equation 4 and in their code; A.2.2 writes s_{t-1}.

    Args:
        kind: `maxout` or `tanh`.
        in_features: size of the three together.
        out_features: F.
    """

    def __init__(self, kind: ReadoutKind, in_features: int, out_features: int) -> None:
        super().__init__()
        self.kind = kind
        self.linear = nn.Linear(in_features, out_features * (2 if kind == "maxout" else 1))

    def forward(self, state: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """(B, T, H), (B, T, E) and (B, T, K) -> (B, T, F)."""
        joined = torch.cat([state, embedded.to(state.dtype), context.to(state.dtype)], -1)
        hidden = deferred.linear(joined, self.linear.weight, self.linear.bias)
        return torch.tanh(hidden) if self.kind == "tanh" else torch.unflatten(hidden, -1, (-1, 2)).amax(-1)


class BahdanauDecoder(Decoder):
    """Attends with the state before, and reads what it attends to.

    ```
    c_t = attention(s_{t-1})                    s_{t-1} of the highest layer
    s_t = RNN([y_{t-1}; c_t], s_{t-1})
    features = readout([s_t; y_{t-1}; c_t])
    ```

    The recurrence is torch's: a gru resets after the product, r ∘ (U s), where the paper has U (r ∘ s).

    Args:
        recurrence: the layers, of inputs of size E + K.
        attention: of queries of size H.
        embedding_size: E.
        context_size: K.
        readout: `maxout`, with half as many features as s has (500 of 1000 in the paper), or `tanh`, with as many.
        dropout: share of the features dropped.
        variational: one mask of the features for all steps of a sentence.
    """

    def __init__(
        self,
        recurrence: Recurrence,
        attention: nn.Module,
        *,
        embedding_size: int,
        context_size: int,
        readout: ReadoutKind = "maxout",
        dropout: float = 0.0,
        variational: bool = False,
    ) -> None:
        size = recurrence.hidden_size
        feature_size = (size + 1) // 2 if readout == "maxout" else size
        super().__init__(
            recurrence,
            attention,
            embedding_size=embedding_size,
            feature_size=feature_size,
            dropout=dropout,
            variational=variational,
        )
        self.readout = Readout(readout, size + embedding_size + context_size, feature_size)

    def start(self, recurrent: State) -> DecoderState:
        """See `Decoder`."""
        return DecoderState(tuple(tuple(part.unsqueeze(1) for part in layer) for layer in recurrent), None, None)

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
        output, context, weights, state = self._advance(embedded, memory, state, gates, noise)
        features = self.readout(output, embedded, context)
        return features if noise.features is None else features * noise.features, weights, state

    def _advance(
        self, embedded: Tensor, memory: Any, state: DecoderState, gates: Tensor | None, noise: StepNoise
    ) -> tuple[Tensor, Tensor, Tensor, DecoderState]:
        """s_t (B, N, H), c_t (B, N, K), weights (B, N, S), and the state."""
        if gates is None:
            gates = self.recurrence.gates(embedded, linear=deferred.linear)
        context, weights, attention = self.attend(state.recurrent[-1][0], memory, state.attention)
        output, recurrent = self.recurrence.step(
            context, state.recurrent, gates=gates, noise=noise.recurrence, linear=deferred.linear
        )
        return output, context, weights, DecoderState(recurrent, None, attention)

    def forward(
        self, embedded: Tensor, memory: Any, state: DecoderState, feed: Feed | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `Decoder`. The readout is computed for all steps at once."""
        if feed is not None:
            return super().forward(embedded, memory, state, feed)
        batch, steps, _ = embedded.shape
        outputs, contexts, all_weights = [], [], []
        with deferred.loop():
            gates = self.recurrence.gates(embedded.transpose(0, 1).unsqueeze(2))
            noises = self.noise(embedded, batch, steps)
            for t, noise in enumerate(noises):
                output, context, weights, state = self._advance(embedded, memory, state, gates[t], noise)
                outputs.append(output)
                contexts.append(context)
                all_weights.append(weights)
        features = self.readout(torch.cat(outputs, 1), embedded, torch.cat(contexts, 1))
        factors = [noise.features for noise in noises if noise.features is not None]
        if factors:
            features = features * torch.cat(factors, 1)
        return features, torch.cat(all_weights, 1)
