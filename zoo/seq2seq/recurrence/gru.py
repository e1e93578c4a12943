"""The gated recurrent unit; Cho et al. (2014), with the reset gate behind the product, as torch and cuDNN have it.

r = σ(i_r + W_r h)        i = W_i x + b, computed before
z = σ(i_z + W_z h)
n = tanh(i_n + r (W_n h + b_n))
h' = (1 - z) n + z h
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from zoo.seq2seq.recurrence.activations import sigmoid_backward, tanh_, tanh_backward, tanh_of_half_
from zoo.seq2seq.recurrence.packing import Packing
from zoo.seq2seq.recurrence.precision import in_type, state_type
from zoo.seq2seq.recurrence.product import RecurrentProduct


def gru(
    gates: Tensor,
    hidden: Tensor | None,
    weight: Tensor,
    bias: Tensor,
    packing: Packing,
    drop: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """A layer of gated recurrent units over whole sentences.

    Products are computed in the type of the gates, everything else in float32 at least.

    Args:
        gates: i_r, i_z, i_n of each packed token, with b_r and b_z, each direction in its own order, (D, N, 3H). They
            are overwritten.
        hidden: h before the first step, (D, B, H); None for zero.
        weight: W_r, W_z, W_n, (D, 3H, H).
        bias: b_n, (D, H).
        packing: of the sentences.
        drop: factors of h in the products with W, (D, B, H); None for none.

    Returns:
        h of each token, (D, N, H), and h after each sentence's last step, (D, B, H).
    """
    states, ends, _ = _GRU.apply(gates, hidden, weight, bias, packing, drop)
    return states, ends


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        hidden: Tensor | None,
        weight: Tensor,
        bias: Tensor,
        packing: Packing,
        drop: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        size, dtype = weight.shape[2], state_type(gates.dtype)
        # Here i_n leaves the gates, which hold r, z and W_n h + b_n in the end. It is doubled for `tanh_of_half_`.
        n = gates[..., 2 * size :].to(dtype, copy=True, memory_format=torch.contiguous_format).mul_(2.0)
        gates[..., 2 * size :] = bias.unsqueeze(1)
        activations = in_type(gates, dtype)
        states, fed = torch.empty_like(n), torch.empty_like(n, dtype=gates.dtype)
        start, dropped = (packing.sorted(part, dtype) for part in (hidden, drop))
        product = RecurrentProduct(weight, fed, packing.sizes, dropped, int(start is None))
        split = [torch.split(part, packing.sizes, 1) for part in (gates, activations, n, states)]
        previous = start
        for step, (gates_t, activations_t, n_t, states_t) in enumerate(zip(*split, strict=True)):
            if previous is not None:
                previous = previous[:, : n_t.shape[1]]
                product.add(step, gates_t, previous)
            if activations is not gates:
                activations_t.copy_(gates_t)
            activations_t[..., : 2 * size].sigmoid_()
            r, z, h_n = torch.split(activations_t, size, -1)
            tanh_of_half_(n_t.addcmul_(r, h_n, value=2.0))
            if previous is None:
                torch.addcmul(n_t, n_t, z, value=-1, out=states_t)
            else:
                torch.lerp(n_t, previous, z, out=states_t)
            previous = states_t
        ctx.mark_dirty(gates)
        ctx.save_for_backward(weight, activations, n, states, fed, hidden, dropped)
        ctx.packing = packing
        ctx.set_materialize_grads(False)
        return states, packing.ends(states, hidden), gates

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_states: Tensor | None, of_ends: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        weight, activations, n, states, fed, hidden, dropped = ctx.saved_tensors
        packing: Packing = ctx.packing
        sizes, size, half = packing.sizes, n.shape[-1], fed.dtype != n.dtype
        product = RecurrentProduct(weight, fed, sizes, dropped, int(hidden is None))
        of_h, of_start = packing.gradients(states, of_states, of_ends, hidden)
        of_gates, of_n = torch.empty_like(activations, dtype=fed.dtype), torch.empty_like(n)
        split = [torch.split(part, sizes, 1) for part in (of_h, activations, n, states, of_n, of_gates)]
        rows = sizes[0] if sizes else 0
        rooms = (n.new_empty(len(n), rows, size), n.new_empty(len(n), rows, size), n.new_empty(len(n), rows, 3 * size))
        for step in range(len(sizes) - 1, -1, -1):
            of_h_t, activations_t, n_t, states_t, of_n_t, of_gates_t = (part[step] for part in split)
            kept, room, wide = (part[:, : sizes[step]] for part in rooms)
            r, z, h_n = torch.split(activations_t, size, -1)
            to_gates = wide if half else of_gates_t
            to_r, to_z, to_h_n = torch.split(to_gates, size, -1)
            torch.addcmul(of_h_t, of_h_t, z, value=-1, out=kept)
            tanh_backward(kept, n_t, grad_input=of_n_t)
            torch.mul(of_n_t, r, out=to_h_n)
            torch.mul(of_n_t, h_n, out=room)
            sigmoid_backward(room, r, grad_input=to_r)
            # (h - n) z (1 - z), as z (1 - z) (h_before - n): h - n = z (h_before - n).
            torch.sub(states_t, n_t, out=room)
            torch.mul(room, kept, out=to_z)
            if half:
                of_gates_t.copy_(to_gates)
            below = split[0][step - 1] if step else of_start
            if below is not None:
                below = below[:, : sizes[step]]
                below.addcmul_(of_h_t, z)
                product.add_back(below, of_gates_t)
        of_weight = product.weight_gradient(of_gates).to(weight.dtype)
        of_bias = of_gates[..., 2 * size :].sum(1, dtype=n.dtype)
        of_gates[..., 2 * size :] = of_n
        return of_gates, packing.start_gradient(of_start, of_ends, hidden), of_weight, of_bias, None, None


def gru_update(inputs: Tensor, recurrent: Tensor, hidden: Tensor) -> Tensor:
    """One step, given both products with their biases; computed in the type of h.

    Args:
        inputs: i_r, i_z, i_n, (…, 3H).
        recurrent: W_r h + b_r, W_z h + b_z, W_n h + b_n, (…, 3H).
        hidden: h, (…, H).

    Returns:
        h', (…, H).
    """
    after: Tensor = _Update.apply(inputs, recurrent, hidden)
    return after


class _Update(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, recurrent: Tensor, hidden: Tensor) -> Tensor:
        size, dtype = hidden.shape[-1], hidden.dtype
        i, h = inputs.to(dtype), recurrent.to(dtype)
        r, z = torch.split(torch.add(i[..., : 2 * size], h[..., : 2 * size]).sigmoid_(), size, -1)
        h_n = h[..., 2 * size :]
        n = tanh_(torch.addcmul(i[..., 2 * size :], r, h_n))
        after = torch.lerp(n, hidden, z)
        ctx.save_for_backward(r, z, n, h_n, after)
        ctx.types = inputs.dtype, recurrent.dtype
        return after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_after: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r, z, n, h_n, after = ctx.saved_tensors
        inputs, recurrent = ctx.types
        of_gates = n.new_empty(*n.shape[:-1], 3 * n.shape[-1])
        to_r, to_z, to_n = torch.split(of_gates, n.shape[-1], -1)
        of_hidden = of_after * z
        kept = of_after - of_hidden
        of_n = tanh_backward(kept, n, grad_input=torch.empty_like(n))
        torch.mul(of_n, r, out=to_n)
        sigmoid_backward(of_n * h_n, r, grad_input=to_r)
        torch.mul(kept, after - n, out=to_z)
        of_recurrent = of_gates.to(recurrent, copy=True)
        to_n.copy_(of_n)
        return of_gates.to(inputs), of_recurrent, of_hidden
