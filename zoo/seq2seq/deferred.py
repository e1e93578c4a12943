"""Gradients of what every step of a loop reads, summed in one product after the loop.

In the backward pass of T steps that read one matrix, autograd makes T small products, and T sums as large as the
matrix. Here a step only notes the two factors of its share, and one product over all steps follows:

```python
with deferred.loop():
    for t in range(steps):
        hidden = torch.tanh(deferred.linear(hidden, weight, bias))
```

The results are those of autograd up to the rounding of the sum, which is better in half precision.

Without gradients, as in a search, a loop casts every weight once: autocast does so for whole parameters alone, and
casts parts of them anew in every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from zoo.seq2seq.recurrence.precision import product_type


class Matrices:
    """Matrices and biases that the steps of a loop have read, as they read them.

    Attributes:
        known: by what tells them from others. The tensors they are parts of are kept beside them: an id, or an address,
            is one tensor's own only while that lives.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[object, ...], tuple[Tensor, Tensor | None, tuple[Tensor, Tensor | None]]] = {}


#: Those of the innermost loop.
_matrices: ContextVar[Matrices | None] = ContextVar("matrices", default=None)


class _Notes(Function):
    """Base of the functions that hand out a tensor, and later make its gradient of what its readers have noted.

    The engine runs their backward after that of all readers, which return no gradient for it.
    """

    notes: list[tuple[Tensor, ...]]
    task: int

    @classmethod
    def note(cls, tensor: Tensor, *factors: Tensor) -> None:
        """Called by a reader of the tensor, in its backward."""
        node: Any = tensor.grad_fn
        task = torch._C._current_graph_task_id()
        if node.task != task:  # what an earlier backward pass noted that never came here
            node.task, node.notes = task, []
        node.notes.append(factors)

    @staticmethod
    def take(node: Any) -> list[tuple[Tensor, ...]]:
        """What has been noted in this backward pass."""
        notes: list[tuple[Tensor, ...]] = node.notes if node.task == torch._C._current_graph_task_id() else []
        node.task, node.notes = -1, []
        return notes


class _Weight(_Notes):
    """A weight (N, K) and a bias (N,) as a loop reads them."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Any:
        ctx.set_materialize_grads(False)
        ctx.task, ctx.notes = -1, []
        ctx.types = weight.dtype, None if bias is None else bias.dtype
        cast = weight.detach().to(dtype).contiguous()
        return cast, None if bias is None else bias.detach().to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *_: Any) -> Any:
        notes = _Notes.take(ctx)
        if not notes:
            return None, None, None
        inputs = torch.cat([note[0] for note in notes])
        outputs = torch.cat([note[1] for note in notes])
        weight = (outputs.t() @ inputs).to(ctx.types[0]) if ctx.needs_input_grad[0] else None
        bias = outputs.sum(0, dtype=ctx.types[1]) if ctx.needs_input_grad[1] else None
        return weight, bias, None


class _Linear(Function):
    """x Wᵀ + b of one step."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.set_materialize_grads(False)
        rows = inputs.detach().to(weight.dtype).flatten(0, -2)
        ctx.save_for_backward(rows, weight)
        ctx.dtype = inputs.dtype
        with torch.autocast(inputs.device.type, enabled=False):
            product = rows @ weight.t() if bias is None else torch.addmm(bias, rows, weight.t())
        return product.view(*inputs.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outputs: Tensor | None) -> Any:
        if outputs is None:
            return None, None, None
        rows, weight = ctx.saved_tensors
        gradients = outputs.to(weight.dtype).flatten(0, -2)
        _Weight.note(weight, rows, gradients)
        inputs = None
        if ctx.needs_input_grad[0]:
            inputs = (gradients @ weight).to(ctx.dtype).view(*outputs.shape[:-1], -1)
        return inputs, None, None


class _Shared(_Notes):
    """A tensor as a loop reads it with functions that know its kind of notes."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.task, ctx.notes = -1, []
        return tensor.view_as(tensor)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, ordinary: Tensor | None) -> Tensor | None:
        notes = _Notes.take(ctx)
        if not notes:
            return ordinary
        left = torch.cat([note[0] for note in notes], 1)
        outputs = torch.cat([note[1] for note in notes], 1)
        gradient = left.transpose(1, 2) @ outputs
        return gradient if ordinary is None else gradient.add_(ordinary)


class _Product(Function):
    """A batched product with a shared right side."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(left, right)
        with torch.autocast(left.device.type, enabled=False):
            return torch.bmm(left, right)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outputs: Tensor | None) -> Any:
        if outputs is None:
            return None, None
        left, right = ctx.saved_tensors
        _Shared.note(right, left, outputs)
        return torch.bmm(outputs, right.transpose(1, 2)) if ctx.needs_input_grad[0] else None, None


@contextmanager
def loop(matrices: Matrices | None = None) -> Iterator[None]:
    """Inside, `linear` sums the gradients of each weight in one product. Casts of weights are made once, too.

    Args:
        matrices: of the steps before, if this goes on with their loop; no weight may have changed since.
    """
    token = _matrices.set(matrices or Matrices())
    try:
        yield
    finally:
        _matrices.reset(token)


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b, (..., K) -> (..., N).

    Args:
        inputs: (..., K).
        weight: a parameter, or a part of one, (N, K).
        bias: (N,).
    """
    matrices = _matrices.get()
    if matrices is not None and not torch.is_grad_enabled():
        return functional.linear(inputs, *_cast(matrices, weight, bias))
    if matrices is None or not weight.requires_grad:
        return functional.linear(inputs, weight, bias)
    whole = weight if weight._base is None else weight._base
    key = (id(whole), weight.storage_offset(), weight.shape, weight.stride(), id(bias))
    if key not in matrices.known:
        matrices.known[key] = (*_Weight.apply(weight, bias, product_type(weight)), (whole, bias))
    outputs: Tensor = _Linear.apply(inputs, *matrices.known[key][:2])
    return outputs


def _cast(matrices: Matrices, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """A weight and a bias in the type of their product, without gradients."""
    dtype = product_type(weight)
    if dtype == weight.dtype:
        return weight, bias
    key = (dtype, weight.data_ptr(), weight.shape, weight.stride(), None if bias is None else bias.data_ptr())
    if key not in matrices.known:
        cast = weight.to(dtype, memory_format=torch.contiguous_format)
        matrices.known[key] = (cast, None if bias is None else bias.to(dtype), (weight, bias))
    return matrices.known[key][:2]


def share(tensor: Tensor) -> Tensor:
    """The tensor, (B, K, M), for steps to read with `product`; others may read it in any way."""
    if not torch.is_grad_enabled() or not tensor.requires_grad:
        return tensor
    shared: Tensor = _Shared.apply(tensor)
    return shared


def product(left: Tensor, right: Tensor) -> Tensor:
    """(B, N, K) and (B, K, M) -> (B, N, M); the gradients of a right side from `share` are summed in one product."""
    if torch.is_grad_enabled() and isinstance(right.grad_fn, _Shared._backward_cls):
        outputs: Tensor = _Product.apply(left, right)
        return outputs
    return torch.bmm(left, right)
