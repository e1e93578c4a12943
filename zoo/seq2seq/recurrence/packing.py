"""Sentences of several lengths, computed step by step without their padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


@dataclass(frozen=True)
class Packing:
    """Which tokens are computed in which step.

    Packed rows are the N tokens of a batch, step by step; in a step the sentences stand from the longest to the
    shortest, so that those with a token there are always the first ones. The backward direction starts at each
    sentence's own last token: at step t it reads the token that the forward direction reads at step length - 1 - t, and
    so has as many sentences in every step.

    Attributes:
        sizes: how many sentences have a token at step t, of each step.
        rows: where each packed row stands in the flattened batch (B·S), (N,).
        sentence: of each packed row, (N,).
        order: sentence at each place of a step, (B,), and
        places: its inverse, (B,).
        mirror: packed row of the token that the backward direction reads instead, (N,); its own inverse.
        last: packed row of each sentence's last step, (B,); 0 for an empty one.
        empty: True for a sentence without tokens, (B, 1), or None where there is no such sentence.
    """

    sizes: list[int]
    rows: Tensor
    sentence: Tensor
    order: Tensor
    places: Tensor
    mirror: Tensor
    last: Tensor
    empty: Tensor | None

    @staticmethod
    def of(mask: Tensor) -> Packing:
        """Of a batch.

        Args:
            mask: True where a token stands, (B, S).

        Raises:
            ValueError: a sentence does not start on the left, or has a hole.
        """
        steps = torch.arange(mask.shape[1], device=mask.device)
        lengths = mask.sum(1)
        if not torch.equal(mask, steps < lengths.unsqueeze(1)):
            raise ValueError("the mask has False before True in a row; put padding behind the tokens")
        order = lengths.argsort(descending=True, stable=True)
        places = order.argsort()
        counts = mask.sum(0)
        starts = counts.cumsum(0) - counts
        step, place = mask.index_select(0, order).t().nonzero(as_tuple=True)
        sentence = order.index_select(0, place)
        mirror = starts.index_select(0, lengths.index_select(0, sentence) - 1 - step) + place
        none = (lengths == 0).unsqueeze(1)
        return Packing(
            sizes=[count for count in counts.tolist() if count],
            rows=sentence * mask.shape[1] + step,
            sentence=sentence,
            order=order,
            places=places,
            mirror=mirror,
            last=torch.where(none.squeeze(1), 0, starts[(lengths - 1).clamp_(min=0)] + places),
            empty=none if bool(none.any()) else None,
        )

    def pack(self, batch: Tensor) -> Tensor:
        """The tokens of a batch, (B, S, X) -> (N, X)."""
        packed: Tensor = _Pack.apply(batch, self.rows)
        return packed

    def unpack(self, packed: Tensor, shape: tuple[int, int]) -> Tensor:
        """The inverse of `pack`, (N, X) -> (B, S, X), zero where there is no token.

        Args:
            packed: (N, X).
            shape: (B, S).
        """
        batch: Tensor = _Unpack.apply(packed, self.rows, shape)
        return batch

    def by_direction(self, packed: Tensor, directions: int) -> Tensor:
        """For each direction in its own order of time, (N, X) -> (D, N, X)."""
        if directions == 1:
            return packed.unsqueeze(0)
        both: Tensor = _ByDirection.apply(packed, self.mirror)
        return both

    def by_token(self, states: Tensor) -> Tensor:
        """Of both directions for each token: (D, N, H) -> (N, D·H)."""
        if len(states) == 1:
            return states.squeeze(0)
        packed: Tensor = _ByToken.apply(states, self.mirror)
        return packed

    def ends(self, states: Tensor, start: Tensor | None) -> Tensor:
        """States after each sentence's last step: (D, N, H) -> (D, B, H). `start`, (D, B, H), is that of empty ones."""
        if states.shape[1] == 0:
            return states.new_zeros(states.shape[0], self.last.shape[0], states.shape[2]) if start is None else start
        ends = states.index_select(1, self.last)
        if self.empty is None:
            return ends
        return ends.masked_fill(self.empty, 0.0) if start is None else torch.where(self.empty, start, ends)

    def sorted(self, sentences: Tensor | None, dtype: torch.dtype) -> Tensor | None:
        """In the order of a step and in this type, (D, B, H)."""
        return None if sentences is None else sentences.to(dtype).index_select(1, self.order)

    def gradients(
        self, like: Tensor, of_states: Tensor | None, of_ends: Tensor | None, start: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """What a loop over the steps, from the last to the first, adds to.

        Args:
            like: the states, (D, N, H).
            of_states: their gradient; None for zero.
            of_ends: gradient of `ends`, (D, B, H); None for zero.
            start: the state before the first step, (D, B, H), or None.

        Returns:
            The gradient of the states from outside the loop, (D, N, H); and room for that of the start, zero, for the
            sentences of the first step, (D, n, H), or None without one.
        """
        gradient = torch.zeros_like(like) if of_states is None else of_states.to(like.dtype, copy=True)
        if of_ends is not None and gradient.shape[1]:
            rows = self.last
            if self.empty is not None:
                present = ~self.empty.squeeze(1)
                rows, of_ends = rows[present], of_ends[:, present]
            gradient.index_copy_(1, rows, gradient.index_select(1, rows) + of_ends)
        of_start = None if start is None else torch.zeros_like(like[:, : sum(self.sizes[:1])])
        return gradient, of_start

    def start_gradient(self, of_start: Tensor | None, of_ends: Tensor | None, start: Tensor | None) -> Tensor | None:
        """The gradient of the state before the first step, (D, B, H).

        Args:
            of_start: that of the sentences of the first step, in its order, (D, n, H).
            of_ends: gradient of `ends`, which is the gradient of an empty sentence's start.
            start: the state, or None.
        """
        if start is None or of_start is None:
            return None
        gradient = torch.zeros_like(start)
        gradient[:, : of_start.shape[1]] = of_start
        gradient = gradient.index_select(1, self.places)
        if self.empty is not None and of_ends is not None:
            gradient = torch.where(self.empty, of_ends, gradient)
        return gradient


class _Pack(torch.autograd.Function):
    """`index_select` adds in its backward pass, row by row, and takes ten times as long; here no row comes twice."""

    @staticmethod
    def forward(ctx: Any, batch: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.shape = batch.shape
        return batch.flatten(0, 1).index_select(0, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        return _scatter(gradient, rows, ctx.shape[:2]), None


class _Unpack(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, packed: Tensor, rows: Tensor, shape: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(rows)
        return _scatter(packed, rows, shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (rows,) = ctx.saved_tensors
        return gradient.flatten(0, 1).index_select(0, rows), None, None


class _ByDirection(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, packed: Tensor, mirror: Tensor) -> Tensor:
        ctx.save_for_backward(mirror)
        both = packed.new_empty(2, *packed.shape)
        both[0] = packed
        torch.index_select(packed, 0, mirror, out=both[1])
        return both

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (mirror,) = ctx.saved_tensors
        return gradient[1].index_select(0, mirror).add_(gradient[0]), None


class _ByToken(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, mirror: Tensor) -> Tensor:
        ctx.save_for_backward(mirror)
        return torch.cat([states[0], states[1].index_select(0, mirror)], 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (mirror,) = ctx.saved_tensors
        size = gradient.shape[1] // 2
        both = gradient.new_empty(2, len(gradient), size)
        both[0] = gradient[:, :size]
        both[1] = gradient[:, size:].index_select(0, mirror)
        return both, None


def _scatter(packed: Tensor, rows: Tensor, shape: tuple[int, int]) -> Tensor:
    batch = packed.new_zeros(shape[0] * shape[1], packed.shape[1])
    return batch.index_copy_(0, rows, packed).view(*shape, -1)
