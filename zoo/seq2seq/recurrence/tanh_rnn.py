"""The simple recurrence, h' = tanh(W h + x); Elman (1990)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.seq2seq.recurrence.activations import tanh_, tanh_backward
from zoo.seq2seq.recurrence.packing import Packing
from zoo.seq2seq.recurrence.precision import state_type
from zoo.seq2seq.recurrence.product import RecurrentProduct


def tanh_rnn(
    gates: Tensor, hidden: Tensor | None, weight: Tensor, packing: Packing, drop: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """A layer of simple recurrent units over whole sentences.

    Products are computed in the type of the gates, everything else in float32 at least.

    Args:
        gates: x of each packed token, with all biases, each direction in its own order, (D, N, H). They are
            overwritten.
        hidden: h before the first step, (D, B, H); None for zero.
        weight: W, (D, H, H).
        packing: of the sentences.
        drop: factors of h in the products with W, (D, B, H); None for none.

    Returns:
        h of each token, (D, N, H), and h after each sentence's last step, (D, B, H).
    """
    states, ends, _ = _TanhRNN.apply(gates, hidden, weight, packing, drop)
    return states, ends


class _TanhRNN(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, hidden: Tensor | None, weight: Tensor, packing: Packing, drop: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        dtype = state_type(gates.dtype)
        states = torch.empty_like(gates, dtype=dtype)
        fed = torch.empty_like(gates)
        start, dropped = (packing.sorted(part, dtype) for part in (hidden, drop))
        product = RecurrentProduct(weight, fed, packing.sizes, dropped, int(start is None))
        previous = start
        split = [torch.split(part, packing.sizes, 1) for part in (gates, states)]
        for step, (gates_t, states_t) in enumerate(zip(*split, strict=True)):
            if previous is not None:
                product.add(step, gates_t, previous[:, : gates_t.shape[1]])
            previous = tanh_(states_t.copy_(gates_t))
        ctx.mark_dirty(gates)
        ctx.save_for_backward(weight, states, fed, hidden, dropped)
        ctx.packing = packing
        ctx.set_materialize_grads(False)
        return states, packing.ends(states, hidden), gates

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_states: Tensor | None, of_ends: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        weight, states, fed, hidden, dropped = ctx.saved_tensors
        packing: Packing = ctx.packing
        sizes = packing.sizes
        product = RecurrentProduct(weight, fed, sizes, dropped, int(hidden is None))
        of_h, of_start = packing.gradients(states, of_states, of_ends, hidden)
        of_gates = torch.empty_like(fed)
        split = [torch.split(part, sizes, 1) for part in (of_h, states, of_gates)]
        for step in range(len(sizes) - 1, -1, -1):
            of_h_t, states_t, of_gates_t = (part[step] for part in split)
            of_gates_t.copy_(tanh_backward(of_h_t, states_t, grad_input=of_h_t))
            below = split[0][step - 1] if step else of_start
            if below is not None:
                product.add_back(below[:, : sizes[step]], of_gates_t)
        of_weight = product.weight_gradient(of_gates).to(weight.dtype)
        return of_gates, packing.start_gradient(of_start, of_ends, hidden), of_weight, None, None


def tanh_update(inputs: Tensor, recurrent: Tensor, hidden: Tensor) -> Tensor:
    """One step, given both products with their biases; computed in the type of h.

    Args:
        inputs: W_x x' + b, (…, H).
        recurrent: W h + b, (…, H).
        hidden: h, (…, H); only its type is used.

    Returns:
        h', (…, H).
    """
    return torch.tanh(inputs.to(hidden.dtype) + recurrent.to(hidden.dtype))
