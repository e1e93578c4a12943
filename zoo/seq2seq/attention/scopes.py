"""Which positions a step may attend to: the windows of Luong, Pham & Manning (2015), section 3.2.

`global` is every position of the sentence. `local_m` and `local_p` centre a window of 2D + 1 positions, clipped at both
ends of the sentence; positions are counted from 0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from zoo.seq2seq.attention.memory import Memory
from zoo.seq2seq.attention.precision import at_least_float32


class Centre(NamedTuple):
    """Where the windows of N queries a sentence stand.

    Attributes:
        middle: of the window, (B, N) int64.
        real: p of equation 9 in positions, the mean of the Gaussian, (B, N); None where there is no Gaussian.
    """

    middle: Tensor
    real: Tensor | None = None


class Monotonic(nn.Module):
    """local_m: p_t = t, and the last position of the sentence for the steps beyond it."""

    def forward(self, query: Tensor, memory: Memory, position: Tensor | None) -> Centre:
        """Position of the step, (B, N) or (1, N), to centres."""
        assert position is not None, "local_m counts steps"
        return Centre(torch.minimum(position, memory.lengths.unsqueeze(1) - 1))


class Predictive(nn.Module):
    """local_p: p = S · sigmoid(vᵀ tanh(W h)), equation 9, with the sentence's own length S, centred on floor(p).

    The parameter `position` holds Q · v. A step of Adam moves each weight by the learning rate, whatever its gradient,
    and with v itself it would move the argument of the sigmoid by up to Q times that: within a few steps all windows
    stand at one end of their sentences, where the sigmoid has no gradient to bring them back.

    Args:
        query_size: Q, size of the decoder state h.
    """

    def __init__(self, query_size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(query_size, query_size, bias=False)
        self.position = nn.Linear(query_size, 1, bias=False)

    def forward(self, query: Tensor, memory: Memory, position: Tensor | None) -> Centre:
        """Queries (B, N, Q) to centres."""
        argument = at_least_float32(self.position(self.hidden(query).tanh_()).squeeze(-1)) / query.shape[-1]
        share = argument.sigmoid()
        real = share * memory.lengths.unsqueeze(1)
        return Centre(real.detach().floor().long(), real)


def gaussian(real: Tensor, positions: Tensor, window: int) -> Tensor:
    """exp(-(s - p)² / 2σ²) with σ = D / 2; equation 10's second factor.

    Args:
        real: p, (B, N).
        positions: s, (S,) or (B, N, W).
        window: D.

    Returns:
        (B, N, S) or (B, N, W).
    """
    return (positions - real.unsqueeze(-1)).square_().mul_(-2 / window**2).exp_()
