"""torch's own recurrence over whole sentences, which cuDNN computes on a GPU."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.seq2seq.recurrence.packing import Packing

if TYPE_CHECKING:
    from zoo.seq2seq.recurrence.layer import Layer


def fused(
    layer: Layer, weight_hh: Tensor, inputs: Tensor, start: tuple[Tensor, ...] | None, packing: Packing
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A layer over whole sentences.

    Args:
        layer: whose parameters are used.
        weight_hh: in place of the layer's own, in its shape.
        inputs: of each packed token, (N, E).
        start: h, and c of an lstm, before the first step, (D, B, H); None for zeros.
        packing: of the sentences.

    Returns:
        h of each token, (N, D·H), and the state after each sentence's last step, (B, D·H).
    """
    batch, present = len(packing.order), packing.sizes[0] if packing.sizes else 0
    if start is None:
        zero = inputs.new_zeros(layer.directions, batch, layer.hidden_size)
        start = (zero, zero) if layer.cell == "lstm" else (zero,)
    if present == 0:
        return inputs.new_empty(0, layer.directions * layer.hidden_size), _by_sentence(start)
    start = tuple(part.to(inputs.dtype).index_select(1, packing.order) for part in start)
    first = tuple(part[:, :present].contiguous() for part in start)
    parameters = (layer.weight_ih, weight_hh, layer.bias_ih, layer.bias_hh)
    weights = [part for parts in zip(*(p.chunk(layer.directions) for p in parameters), strict=True) for part in parts]
    functions: dict[str, Any] = {"gru": torch._VF.gru, "lstm": torch._VF.lstm, "rnn": torch._VF.rnn_tanh}
    with warnings.catch_warnings():
        # The two directions' weights are parts of one tensor each; cuDNN gathers them, and says so at every call.
        warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
        states, *ends = functions[layer.cell](
            inputs,
            torch.tensor(packing.sizes),
            first if layer.cell == "lstm" else first[0],
            weights,
            True,  # biases
            1,  # layers
            0.0,  # dropout
            layer.training,
            layer.directions == 2,
        )
    after = tuple(
        torch.cat([end, part[:, present:]], 1).index_select(1, packing.places)
        for end, part in zip(ends, start, strict=True)
    )
    return states, _by_sentence(after)


def _by_sentence(state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """(D, B, H) -> (B, D·H)."""
    return tuple(part.transpose(0, 1).flatten(1) for part in state)
