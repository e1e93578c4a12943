"""Bridges: the decoder's first state from the encoder's last."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from zoo.seq2seq.recurrence import CellKind, State

BridgeKind = Literal["zero", "last", "dense"]


class Bridge(nn.Module):
    """The state of every decoder layer before the first step.

    `zero`: zeros. `last`: the encoder's final state as it is. `dense`: tanh(W h + b); Bahdanau et al. (2015), A.2.2,
    there of the backward direction alone, here of all that the final state has; each layer, and the memory cell of
    an lstm, has its own W and b. A memory cell is made from the encoder's, or without one from its hidden state
    (`dense`) or zero (`last`).

    Decoder layer l starts from encoder layer l. Where the decoder has more layers, the upper ones all start from the
    highest of the encoder; where it has fewer, from the highest ones.

    Args:
        kind: `zero`, `last` or `dense`.
        encoder_size: K, of the final state: of all directions.
        encoder_layers: number of layers.
        encoder_cell: `gru`, `lstm` or `rnn`.
        decoder_size: H.
        decoder_layers: number of layers.
        decoder_cell: `gru`, `lstm` or `rnn`.

    Raises:
        ValueError: `last` between unequal sizes.
    """

    def __init__(
        self,
        kind: BridgeKind,
        *,
        encoder_size: int,
        encoder_layers: int,
        encoder_cell: CellKind,
        decoder_size: int,
        decoder_layers: int,
        decoder_cell: CellKind,
    ) -> None:
        super().__init__()
        if kind not in ("zero", "last", "dense"):
            raise ValueError(f"bridge: {kind!r} is none of zero, last, dense")
        if kind == "last" and encoder_size != decoder_size:
            raise ValueError(
                f"bridge: last copies the encoder's final state of size {encoder_size} into a decoder of size "
                f"{decoder_size}; make them equal, or choose bridge=dense"
            )
        self.kind, self.decoder_size, self.decoder_layers = kind, decoder_size, decoder_layers
        self.encoder_cell, self.decoder_cell = encoder_cell, decoder_cell
        above = max(encoder_layers - decoder_layers, 0)
        self.sources = [min(layer + above, encoder_layers - 1) for layer in range(decoder_layers)]
        self.hidden, self.memory = nn.ModuleList(), nn.ModuleList()
        if kind == "dense":
            self.hidden.extend(nn.Linear(encoder_size, decoder_size) for _ in self.sources)
            if decoder_cell == "lstm":
                self.memory.extend(nn.Linear(encoder_size, decoder_size) for _ in self.sources)

    def forward(self, final: tuple[Tensor, ...]) -> State:
        """The encoder's final state, each (L, B, K), to the decoder's, of each layer (hidden (B, H)[, cell (B, H)])."""
        state = []
        for layer, source in enumerate(self.sources):
            parts = [self._part(self.hidden, layer, final[0][source])]
            if self.decoder_cell == "lstm":
                if self.kind == "last" and self.encoder_cell != "lstm":
                    parts.append(torch.zeros_like(parts[0]))
                else:
                    parts.append(self._part(self.memory, layer, final[-1][source]))
            state.append(tuple(parts))
        return tuple(state)

    def _part(self, dense: nn.ModuleList, layer: int, final: Tensor) -> Tensor:
        """(B, K) -> (B, H)."""
        if self.kind == "zero":
            return final.new_zeros(final.shape[0], self.decoder_size)
        return torch.tanh(dense[layer](final).to(final.dtype)) if self.kind == "dense" else final
