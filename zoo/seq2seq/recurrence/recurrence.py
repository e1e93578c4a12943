"""Layers on top of each other."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from zoo.seq2seq.dropout import Dropout
from zoo.seq2seq.recurrence.layer import CellKind, Layer, LayerState, Linear
from zoo.seq2seq.recurrence.packing import Packing

#: Whether the output of a layer is normalised: `True` by its mean and variance, `rms` by its mean square alone.
LayerNorm = bool | Literal["rms"]
#: Of every layer, from the lowest.
State = tuple[LayerState, ...]
#: Of every layer: factors of its input, and of the h in its recurrent product. None is no dropout.
Noise = tuple[tuple[Tensor | None, Tensor | None], ...]


class Recurrence(nn.Module):
    """A stack of recurrent layers: over whole sequences, or (in one direction) one step at a time.

    Args:
        input_size: E.
        hidden_size: H, of one direction.
        cell: `gru`, `lstm` or `rnn`.
        layers: L.
        directions: D; both directions of a layer are concatenated for the next one.
        dropout: share dropped between layers. The input of the lowest and the output of the highest are left alone.
        variational: one mask for all steps of a sequence, and dropout also of h in the recurrent products of
            all layers; Gal & Ghahramani (2016), equation 7.
        residual: every layer but the lowest adds its input to its output; Wu et al. (2016), equation 6.
        layer_norm: normalises the output of every layer (not the state that it hands on); Ba et al. (2016), or `rms`,
            Zhang & Sennrich (2019).
        drop_connect: share of the weights of the recurrent products dropped, the same for all steps of a batch; Merity,
            Keskar & Socher (2018), section 2, after Wan et al. (2013). Over whole sequences alone.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        cell: CellKind = "gru",
        layers: int = 1,
        directions: int = 1,
        dropout: float = 0.0,
        variational: bool = False,
        residual: bool = False,
        layer_norm: LayerNorm = False,
        drop_connect: float = 0.0,
    ) -> None:
        super().__init__()
        self.output_size = hidden_size * directions
        self.hidden_size, self.cell, self.directions, self.residual = hidden_size, cell, directions, residual
        self.dropout, self.drop_connect = Dropout(dropout, variational), Dropout(drop_connect)
        sizes = [input_size] + [self.output_size] * (layers - 1)
        self.layers = nn.ModuleList(Layer(size, hidden_size, cell=cell, directions=directions) for size in sizes)
        norm = nn.RMSNorm if layer_norm == "rms" else nn.LayerNorm
        self.norms = nn.ModuleList(norm(self.output_size) for _ in sizes) if layer_norm else None

    def layer(self, index: int) -> Layer:
        """One of the layers, from the lowest."""
        return cast(Layer, self.layers[index])

    def zeros(self, like: Tensor, *shape: int) -> State:
        """A state of zeros of one direction, each (*shape, H)."""
        return tuple(self.layer(index).zeros(like, *shape) for index in range(len(self.layers)))

    def forward(self, inputs: Tensor, mask: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """Whole sequences.

        Args:
            inputs: (B, T, E).
            mask: True where a token stands, on the left, (B, T); None if everywhere.
            state: of every layer before the first step, (B, D·H); None for zeros.

        Returns:
            Outputs of the highest layer, (B, T, D·H), zero where there is no token, and the state of every layer after
            each sequence's own last step, (B, D·H).
        """
        if mask is None:
            mask = torch.ones(inputs.shape[:2], dtype=torch.bool, device=inputs.device)
        packing = Packing.of(mask)
        outputs, final = packing.pack(inputs), []
        for index in range(len(self.layers)):
            below = self._drop(outputs, packing) if index else outputs
            drop = None
            if self.dropout.variational:
                drop = self.dropout.factor(below.new_empty(mask.shape[0], self.output_size))
            keep = self.drop_connect.factor(self.layer(index).weight_hh) if self.drop_connect.p else None
            outputs, end = self.layer(index)(below, None if state is None else state[index], packing, drop, keep)
            outputs = self._finish(index, below, outputs)
            final.append(end)
        batch, steps = mask.shape
        return packing.unpack(outputs, (batch, steps)), tuple(final)

    def _drop(self, packed: Tensor, packing: Packing) -> Tensor:
        """Dropout between two layers, (N, D·H)."""
        if not self.dropout.variational:
            dropped: Tensor = self.dropout(packed)
            return dropped
        factor = self.dropout.factor(packed.new_empty(len(packing.order), self.output_size))
        return packed if factor is None else packed * factor.index_select(0, packing.sentence)

    def _finish(self, index: int, below: Tensor, hidden: Tensor) -> Tensor:
        """The output of a layer of its input and its h: normalised, and with its input added."""
        output = hidden.to(self.layer(index).weight_ih.dtype)
        if self.norms is not None:
            output = self.norms[index](output)
        return output + below if self.residual and index else output

    def draw(self, like: Tensor, *shape: int, steps: int = 1) -> list[Noise] | None:
        """Dropout for the steps of sequences, for `step`; None outside training. Variational: the same for all steps.

        Args:
            like: a tensor of the type and device wanted.
            shape: of the rows, (B,) or (B, N).
            steps: how many.
        """
        if not self.training or self.dropout.p == 0:
            return None
        every = 1 if self.dropout.variational else steps
        # One draw for all steps: of many small ones, most of the time would go to the calls.
        masks = like.new_empty(every, *shape, self.hidden_size)
        drawn: list[list[tuple[Tensor | None, Tensor | None]]] = [[] for _ in range(every)]
        for index in range(len(self.layers)):
            below = self.dropout.factor(masks) if index else None
            within = self.dropout.factor(masks) if self.dropout.variational else None
            for step, noise in enumerate(drawn):
                noise.append((None if below is None else below[step], None if within is None else within[step]))
        return [tuple(noise) for noise in drawn] * (steps // every)

    def gates(self, inputs: Tensor, *, linear: Linear = nn.functional.linear) -> Tensor:
        """See `Layer.gates`, of the lowest layer."""
        return self.layer(0).gates(inputs, linear=linear)

    def step(
        self,
        inputs: Tensor,
        state: State,
        *,
        gates: Tensor | None = None,
        noise: Noise | None = None,
        linear: Linear = nn.functional.linear,
    ) -> tuple[Tensor, State]:
        """One step in one direction.

        Args:
            inputs: (…, E), or its last columns if `gates` holds the rest.
            state: of every layer, (…, H).
            gates: of the lowest layer, `gates(first columns of the input)`, (…, G·H).
            noise: of `draw`; None is no dropout.
            linear: computes W x + b.

        Returns:
            Output of the highest layer, (…, H), and the state of every layer.
        """
        after = []
        output = inputs
        for index in range(len(self.layers)):
            dropped, drop = (None, None) if noise is None else noise[index]
            below = output if dropped is None else output * dropped
            first = gates if index == 0 else None
            stepped = self.layer(index).step(below, state[index], gates=first, drop=drop, linear=linear)
            after.append(stepped)
            output = self._finish(index, below, stepped[0])
        return output, tuple(after)
