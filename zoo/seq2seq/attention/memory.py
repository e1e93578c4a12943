"""What an attention keeps of a batch of source sentences, and what one step hands to the next."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from zoo.seq2seq.attention.nested import map_tensors


class Memory(NamedTuple):
    """A batch of source sentences, made once by `Attention.prepare` and never changed.

    It is held once a sentence, however many hypotheses a search has of it.

    Attributes:
        keys: encoder states, zero where there is no token, (B, S, K).
        mask: True where a token stands, (B, S).
        lengths: number of positions up to the last token, (B,).
        projected: what the score made of the keys; tensors whose first axis is B, in any structure.
    """

    keys: Tensor
    mask: Tensor
    lengths: Tensor
    projected: Any

    def select(self, rows: Tensor) -> Memory:
        """Some of the sentences, in the order of `rows`, (B',) int64: what is left when others are finished."""
        return Memory(*(map_tensors(lambda tensor: tensor.index_select(0, rows), field) for field in self))

    def window(self, positions: Tensor) -> Memory:
        """The part around one position a query, each as a sentence of its own.

        Args:
            positions: of the source, (B, N, W) int64; those outside [0, S) are masked.

        Returns:
            B·N sentences of W positions. `projected` must hold tensors of shape (B, S, ·).
        """
        batch, length = self.mask.shape
        inside = (positions >= 0) & (positions < length)
        starts = torch.arange(0, batch * length, length, device=positions.device).view(-1, 1, 1)
        flat = (positions.clamp(0, length - 1) + starts).flatten()
        shape = (positions.shape[0] * positions.shape[1], positions.shape[2])

        def gather(tensor: Tensor) -> Tensor:
            return tensor.flatten(0, 1).index_select(0, flat).view(*shape, *tensor.shape[2:])

        return Memory(
            keys=gather(self.keys),
            mask=gather(self.mask) & inside.view(shape),
            lengths=self.lengths.repeat_interleave(positions.shape[1]),
            projected=map_tensors(gather, self.projected),
        )


class State(NamedTuple):
    """What the next step needs of the earlier ones, for N queries a sentence. Unneeded parts are None.

    Attributes:
        position: of the step, t = 0, 1, ..., (B, N) int64.
        weights: of the step before, (B, N, S); zero at the first step.
        coverage: weights summed over all earlier steps, (B, N, S); zero at the first step.
    """

    position: Tensor | None = None
    weights: Tensor | None = None
    coverage: Tensor | None = None

    def select(self, rows: Tensor) -> State:
        """That of some of the sentences, in the order of `rows`, (B',) int64."""
        return State(*(map_tensors(lambda tensor: tensor.index_select(0, rows), field) for field in self))

    def follow(self, parents: Tensor) -> State:
        """That of hypotheses which continue others of their sentence.

        Args:
            parents: index of the hypothesis that each one continues, (B, N') int64. N' may be another number than N:
                zeros of shape (B, beam) spread the single query of the first step over a beam.
        """

        def gather(tensor: Tensor) -> Tensor:
            index = parents.view(*parents.shape, *(1,) * (tensor.dim() - 2))
            return tensor.gather(1, index.expand(*parents.shape, *tensor.shape[2:]))

        return State(*(map_tensors(gather, field) for field in self))

    def window(self, positions: Tensor) -> State:
        """That of `Memory.window` of the same positions, (B, N, W): N = 1, and B·N sentences."""

        def gather(tensor: Tensor) -> Tensor:
            inside = positions.clamp(0, tensor.shape[-1] - 1)
            return tensor.gather(-1, inside).flatten(0, 1).unsqueeze(1)

        position = None if self.position is None else self.position.flatten().unsqueeze(1)
        return State(position, *(map_tensors(gather, field) for field in self[1:]))
