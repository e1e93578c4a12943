"""No attention: the last encoder state at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.score import Score


class Last(Score):
    """All weight on the last token, for every query: the fixed vector of Sutskever, Vinyals & Le (2014)."""

    stateless = True

    def prepare(self, keys: Tensor, mask: Tensor) -> Tensor:
        """Zero at the last token, and the lowest number elsewhere, (B, 1, S)."""
        positions = torch.arange(1, mask.shape[1] + 1, device=mask.device) * mask
        elsewhere = positions != positions.amax(1, keepdim=True)
        energies = torch.zeros(mask.shape, device=mask.device)
        return energies.masked_fill_(elsewhere, torch.finfo(energies.dtype).min).unsqueeze(1)

    def energies(self, query: Tensor, memory: Memory, state: State | None) -> Tensor:
        """(B, N, Q) -> (B, N, S)."""
        energies: Tensor = memory.projected
        return energies.expand(-1, query.shape[1], -1)


def none(query_size: options.Size, key_size: options.Size) -> Attention:
    """No attention: the context is the last encoder state at every step, as in Sutskever et al. (2014).

    There is nothing to choose among, so it has no scope, selection or coverage.

    Args:
        query_size: size of a decoder state, which may be any.
        key_size: size of an encoder state, which may be any.
    """
    return Attention(Last(), query_size)
