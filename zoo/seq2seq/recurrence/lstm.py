"""Long short-term memory; Hochreiter & Schmidhuber (1997), with the forget gate of Gers et al. (2000).

i, f, o = σ(W h + x)      x = W_x x' + b, computed before, of each gate
g = tanh(W_g h + x_g)
c' = f c + i g
h' = o tanh(c')
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.seq2seq.recurrence.activations import sigmoid_backward, tanh_backward, tanh_of_half_
from zoo.seq2seq.recurrence.packing import Packing
from zoo.seq2seq.recurrence.precision import in_type, state_type
from zoo.seq2seq.recurrence.product import RecurrentProduct


def lstm(
    gates: Tensor,
    hidden: Tensor | None,
    cell: Tensor | None,
    weight: Tensor,
    packing: Packing,
    drop: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """A layer of long short-term memory over whole sentences.

    Products are computed in the type of the gates, everything else in float32 at least.

    Args:
        gates: x_i, x_f, x_g, x_o of each packed token, with all biases, each direction in its own order, (D, N, 4H).
            They are overwritten.
        hidden: h before the first step, (D, B, H); None for zero.
        cell: c before the first step, (D, B, H); None together with `hidden`.
        weight: W_i, W_f, W_g, W_o, (D, 4H, H).
        packing: of the sentences.
        drop: factors of h in the products with W, (D, B, H); None for none.

    Returns:
        h of each token, (D, N, H), and h and c after each sentence's last step, (D, B, H).
    """
    states, ends, cell_ends, _ = _LSTM.apply(gates, hidden, cell, weight, packing, drop)
    return states, ends, cell_ends


class _LSTM(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        hidden: Tensor | None,
        cell: Tensor | None,
        weight: Tensor,
        packing: Packing,
        drop: Tensor | None,
    ) -> tuple[Tensor, ...]:
        size, dtype = weight.shape[2], state_type(gates.dtype)
        activations = in_type(gates, dtype)
        states, cells, squashed = (activations.new_empty(*gates.shape[:2], size) for _ in range(3))
        fed = torch.empty_like(states, dtype=gates.dtype)
        start, cell_start, dropped = (packing.sorted(part, dtype) for part in (hidden, cell, drop))
        product = RecurrentProduct(weight, fed, packing.sizes, dropped, int(start is None))
        split = [torch.split(part, packing.sizes, 1) for part in (gates, activations, states, cells, squashed)]
        previous, before = start, cell_start
        for step, (gates_t, activations_t, states_t, c, squashed_t) in enumerate(zip(*split, strict=True)):
            rows = c.shape[1]
            if previous is not None:
                product.add(step, gates_t, previous[:, :rows])
            if activations is not gates:
                activations_t.copy_(gates_t)
            i, f, g, o = torch.split(activations_t, size, -1)
            _activate(activations_t, g)
            torch.mul(i, g, out=c)
            if before is not None:
                c.addcmul_(f, before[:, :rows])
            tanh_of_half_(torch.mul(c, 2.0, out=squashed_t))
            torch.mul(o, squashed_t, out=states_t)
            previous, before = states_t, c
        ctx.mark_dirty(gates)
        ctx.save_for_backward(weight, activations, cells, squashed, fed, hidden, cell, cell_start, dropped)
        ctx.packing = packing
        ctx.set_materialize_grads(False)
        return states, packing.ends(states, hidden), packing.ends(cells, cell), gates

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, of_states: Tensor | None, of_ends: Tensor | None, of_cell_ends: Tensor | None, _: None
    ) -> tuple[Tensor | None, ...]:
        weight, activations, cells, squashed, fed, hidden, cell, cell_start, dropped = ctx.saved_tensors
        packing: Packing = ctx.packing
        sizes, size, half = packing.sizes, cells.shape[-1], fed.dtype != cells.dtype
        product = RecurrentProduct(weight, fed, sizes, dropped, int(hidden is None))
        of_h, of_start = packing.gradients(cells, of_states, of_ends, hidden)
        of_c, of_cell_start = packing.gradients(cells, None, of_cell_ends, cell)
        of_gates = torch.empty_like(activations, dtype=fed.dtype)
        split = [torch.split(part, sizes, 1) for part in (of_h, of_c, activations, squashed, of_gates)]
        before_by_step = (cell_start, *torch.split(cells, sizes, 1))
        rows = sizes[0] if sizes else 0
        rooms = (cells.new_empty(len(cells), rows, size), cells.new_empty(len(cells), rows, 4 * size))
        for step in range(len(sizes) - 1, -1, -1):
            of_h_t, of_c_t, activations_t, squashed_t, of_gates_t = (part[step] for part in split)
            room, wide = (part[:, : sizes[step]] for part in rooms)
            i, f, g, o = torch.split(activations_t, size, -1)
            to_gates = wide if half else of_gates_t
            to_i, to_f, to_g, to_o = torch.split(to_gates, size, -1)
            sigmoid_backward(torch.mul(of_h_t, squashed_t, out=room), o, grad_input=to_o)
            # to_i and to_g are room, too, until they are written.
            of_c_t.add_(tanh_backward(torch.mul(of_h_t, o, out=room), squashed_t, grad_input=to_i))
            sigmoid_backward(torch.mul(of_c_t, g, out=room), i, grad_input=to_i)
            tanh_backward(torch.mul(of_c_t, i, out=room), g, grad_input=to_g)
            before = before_by_step[step]
            if before is None:
                to_f.zero_()
            else:
                sigmoid_backward(torch.mul(of_c_t, before[:, : sizes[step]], out=room), f, grad_input=to_f)
            if half:
                of_gates_t.copy_(to_gates)
            below = split[0][step - 1] if step else of_start
            below_c = split[1][step - 1] if step else of_cell_start
            if below is not None and below_c is not None:
                below_c[:, : sizes[step]].addcmul_(of_c_t, f)
                product.add_back(below[:, : sizes[step]], of_gates_t)
        of_weight = product.weight_gradient(of_gates).to(weight.dtype)
        of_hidden = packing.start_gradient(of_start, of_ends, hidden)
        of_cell = packing.start_gradient(of_cell_start, of_cell_ends, cell)
        return of_gates, of_hidden, of_cell, of_weight, None, None


def lstm_update(inputs: Tensor, recurrent: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """One step, given both products with their biases; computed in the type of c.

    Args:
        inputs: W_x x' + b of i, f, g, o, (…, 4H).
        recurrent: W h + b of each, (…, 4H).
        cell: c, (…, H).

    Returns:
        h' and c', (…, H).
    """
    hidden, after = _Update.apply(inputs, recurrent, cell)
    return hidden, after


class _Update(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, recurrent: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        gates = torch.add(inputs.to(cell.dtype), recurrent.to(cell.dtype))
        i, f, g, o = torch.split(gates, cell.shape[-1], -1)
        _activate(gates, g)
        after = torch.addcmul(i * g, f, cell)
        squashed = tanh_of_half_(after * 2.0)
        ctx.save_for_backward(gates, cell, squashed)
        ctx.types = inputs.dtype, recurrent.dtype
        return o * squashed, after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_hidden: Tensor, of_after: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, cell, squashed = ctx.saved_tensors
        inputs, recurrent = ctx.types
        i, f, g, o = torch.split(gates, cell.shape[-1], -1)
        of_gates = torch.empty_like(gates)
        to_i, to_f, to_g, to_o = torch.split(of_gates, cell.shape[-1], -1)
        sigmoid_backward(of_hidden * squashed, o, grad_input=to_o)
        of_c = tanh_backward(of_hidden * o, squashed, grad_input=torch.empty_like(cell)).add_(of_after)
        sigmoid_backward(of_c * g, i, grad_input=to_i)
        sigmoid_backward(of_c * cell, f, grad_input=to_f)
        tanh_backward(of_c * i, g, grad_input=to_g)
        return of_gates.to(inputs), of_gates.to(recurrent), of_c.mul_(f)


def _activate(gates: Tensor, g: Tensor) -> None:
    """σ of all gates in place, and tanh of g, which is a part of them."""
    if gates.device.type == "cpu":  # tanh as in `tanh_of_half_`, so that one σ serves all
        g.mul_(2.0)
        gates.sigmoid_()
        g.mul_(2.0).sub_(1.0)
    else:
        squashed = torch.tanh(g)
        gates.sigmoid_()
        g.copy_(squashed)
