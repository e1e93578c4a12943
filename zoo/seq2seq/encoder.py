"""The encoder: source sentences to states."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn

from zoo.seq2seq.recurrence import CellKind, LayerNorm, Recurrence


class Encoded(NamedTuple):
    """A batch of source sentences after the encoder.

    Attributes:
        states: of the highest layer, (B, S, K), zero where there is no token.
        mask: True where a token stands, (B, S).
        final: state of every layer after a direction's last token: hidden (L, B, K), and cell (L, B, K) of an lstm.
            Forward direction first; the backward direction's last token is the sentence's first.
    """

    states: Tensor
    mask: Tensor
    final: tuple[Tensor, ...]


class Encoder(nn.Module):
    """A recurrent encoder.

    Args:
        input_size: E.
        hidden_size: H, of one direction.
        cell: `gru`, `lstm` or `rnn`.
        layers: L.
        bidirectional: reads each sentence also from its own last token to its first.
        dropout: share dropped between layers. The embedded tokens and the states of the highest layer are left alone.
        variational: one mask for all steps of a sentence, and dropout also in the recurrent products; see `Recurrence`.
        residual: every layer but the lowest adds its input to its output.
        layer_norm: normalises the output of every layer; `rms` by its mean square alone.
        drop_connect: share of the weights of the recurrent products dropped; see `Recurrence`.

    Attributes:
        output_size: K = H times the number of directions.
    """

    def __init__(
        self,
        input_size: Annotated[int, Ge(1)],
        hidden_size: Annotated[int, Ge(1)],
        *,
        cell: CellKind = "gru",
        layers: Annotated[int, Ge(1)] = 1,
        bidirectional: bool = True,
        dropout: Annotated[float, Interval(ge=0, le=1)] = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: LayerNorm = False,
        drop_connect: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.recurrence = Recurrence(
            input_size,
            hidden_size,
            cell=cell,
            layers=layers,
            directions=2 if bidirectional else 1,
            dropout=dropout,
            variational=variational,
            residual=residual,
            layer_norm=layer_norm,
            drop_connect=drop_connect,
        )
        self.output_size = self.recurrence.output_size

    def forward(self, embedded: Tensor, mask: Tensor) -> Encoded:
        """Embedded tokens (B, S, E) and their mask (B, S), True where a token stands, which is on the left."""
        states, final = self.recurrence(embedded, mask)
        return Encoded(states, mask, tuple(torch.stack(parts) for parts in zip(*final, strict=True)))
