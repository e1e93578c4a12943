"""What is dropped in training: units, connections, or whole residual blocks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

#: `drop_connect` drops weights, the others hidden units.
DropoutKind = Literal["dropout", "alpha_dropout", "drop_connect"]


class DropConnect(nn.Linear):
    """W x + b, a share p of whose weights and biases is zero in training, the others times 1 / (1 - p).

    Wan et al. (2013), section 3. Each batch draws anew; theirs draws for each example, of which the memory would be B
    times the weights'. After training there is the mean network, W and b; theirs draws from a Gaussian around it.

    Args:
        in_features: F.
        out_features: H.
        p: share.
        bias: whether there is a b.
    """

    def __init__(self, in_features: int, out_features: int, p: float, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.p = p

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> (B, H)."""
        weight = functional.dropout(self.weight, self.p, self.training)
        bias = None if self.bias is None else functional.dropout(self.bias, self.p, self.training)
        return functional.linear(features, weight, bias)

    def extra_repr(self) -> str:
        """For `print(model)`."""
        return f"{super().extra_repr()}, p={self.p}"


class StochasticDepth(nn.Module):
    """In training the output of a residual block, or zero in its place; Huang et al. (2016), section 3.

    Each example draws for itself, and what is left is divided by the probability of it, so that after training nothing
    has to be scaled (their equation 5).

    Args:
        p: probability of zero.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, transformed: Tensor) -> Tensor:
        """(B, ...) to the same."""
        if not self.training or self.p == 0:
            return transformed
        rows = torch.ones(len(transformed), *[1] * (transformed.dim() - 1), device=transformed.device)
        return transformed * functional.dropout(rows, self.p).to(transformed.dtype)

    def extra_repr(self) -> str:
        """For `print(model)`."""
        return f"p={self.p}"


def depth_shares(share: float, blocks: int) -> list[float]:
    """The probability with which each of L blocks is dropped: share · l / L; Huang et al. (2016), equation 4.

    Args:
        share: of the last block.
        blocks: L.
    """
    return [share * (place + 1) / blocks for place in range(blocks)]
