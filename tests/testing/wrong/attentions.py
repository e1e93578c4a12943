"""A right attention, and attentions with one fault each."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Memory(NamedTuple):
    """Keys (B, S, K), projected keys (B, S, Q) and mask (B, S)."""

    keys: Tensor
    projected: Tensor
    mask: Tensor


class Right(nn.Module):
    """The score `general` of Luong et al. (2015), equation 8."""

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(key_size, query_size, bias=False)

    def prepare(self, keys: Tensor, mask: Tensor) -> Memory:
        return Memory(keys, self.projection(keys), mask)

    def weights(self, energy: Tensor, mask: Tensor) -> Tensor:
        lowest = torch.finfo(energy.dtype).min
        return energy.masked_fill(~mask, lowest).softmax(-1) * mask

    def forward(self, query: Tensor, memory: Memory, state: Any = None) -> tuple[Tensor, Tensor, Any]:
        energy = torch.einsum("bq,bsq->bs", query, memory.projected)
        weights = self.weights(energy, memory.mask)
        return torch.einsum("bs,bsk->bk", weights, memory.keys), weights, state


class ReturnsContextAlone(Right):
    def forward(self, query: Tensor, memory: Memory, state: Any = None) -> Tensor:  # type: ignore[override]
        return super().forward(query, memory, state)[0]


class AttendsInProjectedSpace(Right):
    def forward(self, query: Tensor, memory: Memory, state: Any = None) -> tuple[Tensor, Tensor, Any]:
        return super().forward(query, memory._replace(keys=memory.projected), state)


class AttendsToPadding(Right):
    def weights(self, energy: Tensor, mask: Tensor) -> Tensor:
        return energy.softmax(-1) * mask.any(-1, keepdim=True)


class IsNaNWhenEmpty(Right):
    def weights(self, energy: Tensor, mask: Tensor) -> Tensor:
        return energy.masked_fill(~mask, float("-inf")).softmax(-1)


class DividesByLength(Right):
    def weights(self, energy: Tensor, mask: Tensor) -> Tensor:
        return super().weights(energy / energy.shape[-1], mask)


class CentresOverBatch(Right):
    def forward(self, query: Tensor, memory: Memory, state: Any = None) -> tuple[Tensor, Tensor, Any]:
        return super().forward(query - query.mean(0), memory, state)


class KeepsPreviousContext(Right):
    previous: Tensor | None = None

    def prepare(self, keys: Tensor, mask: Tensor) -> Memory:
        self.previous = None
        return super().prepare(keys, mask)

    def forward(self, query: Tensor, memory: Memory, state: Any = None) -> tuple[Tensor, Tensor, Any]:
        if self.previous is not None:
            query = query + self.previous[:, : query.shape[1]]
        self.previous, weights, state = super().forward(query, memory, state)
        return self.previous, weights, state


class HasUnusedLayer(Right):
    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__(query_size, key_size)
        self.unused = nn.Linear(query_size, query_size)


class ForgetsItsProjection(Right):
    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__(query_size, key_size)
        self.turn = torch.randn(query_size, query_size)

    def forward(self, query: Tensor, memory: Memory, state: Any = None) -> tuple[Tensor, Tensor, Any]:
        return super().forward(query @ self.turn.to(query), memory, state)
