"""The products of a recurrence with its weights: with the inputs of all steps, and with the state in every step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def input_product(inputs: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
    """W x + b of every token, each direction with its own.

    Args:
        inputs: x, (D, N, E).
        weight: W, (D, G, E).
        bias: b, (D, G).
        dtype: type of the product.

    Returns:
        (D, N, G).
    """
    gates: Tensor = _InputProduct.apply(inputs, weight, bias, dtype)
    return gates


class _InputProduct(torch.autograd.Function):
    """One matrix product a direction: a batched one copies what is transposed, in bfloat16."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Tensor:
        x, w, b = inputs.to(dtype), weight.to(dtype), bias.to(dtype)
        ctx.save_for_backward(x, w)
        ctx.types = inputs.dtype, weight.dtype, bias.dtype
        gates = x.new_empty(*x.shape[:2], w.shape[1])
        for x_d, w_d, b_d, gates_d in zip(x, w, b, gates, strict=True):
            torch.addmm(b_d, x_d, w_d.t(), out=gates_d)
        return gates

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        x, w = ctx.saved_tensors
        inputs, weight, bias = ctx.types
        of_w, of_x = torch.empty_like(w), torch.empty_like(x) if ctx.needs_input_grad[0] else None
        for direction, gradient_d in enumerate(gradient):
            torch.mm(gradient_d.t(), x[direction], out=of_w[direction])
            if of_x is not None:
                torch.mm(gradient_d, w[direction], out=of_x[direction])
        return None if of_x is None else of_x.to(inputs), of_w.to(weight), gradient.sum(1, dtype=bias), None


class RecurrentProduct:
    """W h, in the type of the gates; and the gradient of W in one product after the loop.

    Args:
        weight: W, (D, G, H).
        fed: room for what W is multiplied with, in the type of the products, (D, N, H).
        sizes: rows of every step.
        drop: factors of h, (D, B, H), in the order of a step's rows; None for none.
        first: the first step with a product: 0, or 1 if the state before step 0 is zero.
    """

    def __init__(self, weight: Tensor, fed: Tensor, sizes: list[int], drop: Tensor | None, first: int) -> None:
        self.weight = weight.to(fed.dtype)
        self.transposed = [w.t() for w in self.weight]
        self.fed, self.drop = fed, drop
        self.steps = torch.split(fed, sizes, 1)
        self.skipped = sum(sizes[:first])

    def add(self, step: int, gates: Tensor, hidden: Tensor) -> None:
        """gates + W h to `gates`, (D, n, G), of h (D, n, H)."""
        fed = self.steps[step]
        if self.drop is None:
            fed.copy_(hidden)
        else:
            torch.mul(hidden, self.drop[:, : fed.shape[1]], out=fed)
        for gates_d, fed_d, weight_d in zip(gates.unbind(), fed.unbind(), self.transposed, strict=True):
            gates_d.addmm_(fed_d, weight_d)

    def add_back(self, gradient: Tensor, gates: Tensor) -> None:
        """The gradient of h, (D, n, H), plus that of the gates, (D, n, G), through W."""
        direct = self.drop is None and gates.dtype == gradient.dtype
        product = gradient if direct else gates.new_empty(gradient.shape)
        for product_d, gates_d, weight_d in zip(product.unbind(), gates.unbind(), self.weight.unbind(), strict=True):
            if direct:
                product_d.addmm_(gates_d, weight_d)
            else:
                torch.mm(gates_d, weight_d, out=product_d)
        if self.drop is not None:
            gradient.addcmul_(product.to(gradient.dtype), self.drop[:, : gradient.shape[1]])
        elif not direct:
            gradient.add_(product)

    def weight_gradient(self, gates: Tensor) -> Tensor:
        """(D, N, G) -> (D, G, H)."""
        gradient = torch.empty_like(self.weight)
        for gradient_d, gates_d, fed_d in zip(gradient, gates, self.fed, strict=True):
            torch.mm(gates_d[self.skipped :].t(), fed_d[self.skipped :], out=gradient_d)
        return gradient
