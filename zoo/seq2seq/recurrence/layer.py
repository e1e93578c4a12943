"""One layer: the parameters of a cell, run over whole sequences or one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from zoo.seq2seq.recurrence.fused import fused
from zoo.seq2seq.recurrence.gru import gru, gru_update
from zoo.seq2seq.recurrence.lstm import lstm, lstm_update
from zoo.seq2seq.recurrence.packing import Packing
from zoo.seq2seq.recurrence.precision import product_type, state_type
from zoo.seq2seq.recurrence.product import input_product
from zoo.seq2seq.recurrence.tanh_rnn import tanh_rnn, tanh_update

#: The kinds of cell, and how many gates each has.
CellKind = Literal["gru", "lstm", "rnn"]
GATES: dict[str, int] = {"gru": 3, "lstm": 4, "rnn": 1}
#: What one layer hands from step to step: (hidden,), or (hidden, cell) for an lstm; each (…, H).
LayerState = tuple[Tensor, ...]
Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class Layer(nn.Module):
    """A layer of gru, lstm or rnn cells in one direction or both.

    Parameters are those of `torch.nn.GRU`, `LSTM` and `RNN`, with the same order of gates and the same initial values;
    those of the second direction stand below those of the first: `weight_ih` (D·G·H, E), `weight_hh` (D·G·H, H),
    `bias_ih` and `bias_hh` (D·G·H,), with G gates.

    Args:
        input_size: E.
        hidden_size: H, of one direction.
        cell: `gru`, `lstm` or `rnn` (tanh).
        directions: D, 1 or 2.
    """

    def __init__(self, input_size: int, hidden_size: int, *, cell: CellKind = "gru", directions: int = 1) -> None:
        super().__init__()
        if cell not in GATES:
            raise ValueError(f"cell: {cell!r} is none of {', '.join(GATES)}")
        self.input_size, self.hidden_size, self.cell, self.directions = input_size, hidden_size, cell, directions
        rows = directions * GATES[cell] * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    def zeros(self, like: Tensor, *shape: int) -> LayerState:
        """A state of zeros, (*shape, H)."""
        dtype = state_type(like.dtype)
        zero = torch.zeros(*shape, self.hidden_size, dtype=dtype, device=like.device)
        return (zero, zero) if self.cell == "lstm" else (zero,)

    def forward(
        self,
        inputs: Tensor,
        state: LayerState | None,
        packing: Packing,
        drop: Tensor | None = None,
        keep: Tensor | None = None,
    ) -> tuple[Tensor, LayerState]:
        """Whole sentences.

        Args:
            inputs: of each packed token, (N, E).
            state: before the first step, (B, D·H); None for zeros.
            packing: of the sentences.
            drop: factors of h in its products, (B, D·H); None for none.
            keep: factors of `weight_hh`, in its shape; None for none.

        Returns:
            h of each packed token, (N, D·H), and the state after each sentence's last step, (B, D·H).
        """
        start = None if state is None else tuple(self._split(part) for part in state)
        weight = self.weight_hh if keep is None else self.weight_hh * keep
        if inputs.is_cuda and drop is None:
            return fused(self, weight, inputs, start, packing)
        states, ends = self._loop(weight, inputs, start, packing, None if drop is None else self._split(drop))
        return packing.by_token(states), tuple(end.transpose(0, 1).flatten(1) for end in ends)

    def _loop(
        self, weight_hh: Tensor, inputs: Tensor, start: LayerState | None, packing: Packing, drop: Tensor | None
    ) -> tuple[Tensor, LayerState]:
        """(N, E) and (D, B, H) -> (D, N, H) and (D, B, H)."""
        d = self.directions
        weight, bias = torch.unflatten(weight_hh, 0, (d, -1)), torch.unflatten(self.bias_hh, 0, (d, -1))
        within = None
        if self.cell == "gru":
            # Only b_n stays within the loop, where r multiplies it.
            within = bias[:, 2 * self.hidden_size :]
            bias = nn.functional.pad(bias[:, : 2 * self.hidden_size], (0, self.hidden_size))
        gates = input_product(
            packing.by_direction(inputs, d),
            torch.unflatten(self.weight_ih, 0, (d, -1)),
            torch.unflatten(self.bias_ih, 0, (d, -1)) + bias,
            product_type(self.weight_ih),
        )
        hidden = None if start is None else start[0]
        if self.cell == "lstm":
            states, *ends = lstm(gates, hidden, None if start is None else start[1], weight, packing, drop)
            return states, tuple(ends)
        if within is not None:
            states, end = gru(gates, hidden, weight, within, packing, drop)
        else:
            states, end = tanh_rnn(gates, hidden, weight, packing, drop)
        return states, (end,)

    def _split(self, rows: Tensor) -> Tensor:
        """(B, D·H) -> (D, B, H)."""
        return torch.unflatten(rows, 1, (self.directions, -1)).transpose(0, 1)

    def update(self, inputs: Tensor, recurrent: Tensor, state: LayerState) -> LayerState:
        """One step, given both products: W_ih x + b_ih and W_hh h + b_hh, each (…, G·H)."""
        if self.cell == "lstm":
            return lstm_update(inputs, recurrent, state[1])
        update: Callable[[Tensor, Tensor, Tensor], Tensor] = gru_update if self.cell == "gru" else tanh_update
        return (update(inputs, recurrent, state[0]),)

    def step(
        self,
        inputs: Tensor,
        state: LayerState,
        *,
        gates: Tensor | None = None,
        drop: Tensor | None = None,
        linear: Linear = nn.functional.linear,
    ) -> LayerState:
        """One step in one direction.

        Args:
            inputs: (…, E), or its last columns if `gates` holds the rest.
            state: (…, H).
            gates: W x + b_ih of the first E - inputs.shape[-1] columns of the input, (…, G·H), computed before.
            drop: factors of variational dropout of h in W_hh h, (…, H).
            linear: computes W x + b.
        """
        hidden = (state[0] if drop is None else state[0] * drop).to(self.weight_hh.dtype)
        recurrent = linear(hidden, self.weight_hh, self.bias_hh)
        if gates is None:
            gates = linear(inputs, self.weight_ih, self.bias_ih)
        elif inputs.shape[-1]:
            gates = gates + linear(inputs, self.weight_ih[:, self.input_size - inputs.shape[-1] :], None)
        return self.update(gates, recurrent, state)

    def gates(self, inputs: Tensor, *, linear: Linear = nn.functional.linear) -> Tensor:
        """W x + b_ih of the input's first columns, (…, E' <= E) -> (…, G·H): for `step`, over all steps at once."""
        return linear(inputs, self.weight_ih[:, : inputs.shape[-1]], self.bias_ih)
