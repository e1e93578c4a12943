"""The most probable continuations of a sentence's hypotheses."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

#: Tokens of a block. The best tokens stand in the blocks with the best maxima, and maxima are cheap.
BLOCK = 64
#: Below so many continuations of a sentence, blocks do not pay.
SMALL = 2048


class Candidates(NamedTuple):
    """Continuations of the hypotheses of B sentences, K of each.

    Attributes:
        totals: log-probabilities of the continued hypotheses, (B, K) float64; -inf where there is none.
        slots: which hypothesis is continued, (B, K).
        tokens: with which token, (B, K).
    """

    totals: Tensor
    slots: Tensor
    tokens: Tensor


def top(log_probabilities: Tensor, totals: Tensor, k: int) -> Candidates:
    """The k best continuations, best first; of equal ones, the lower slot and then the lower token.

    Ties are settled so that nothing of the batch decides between them: logits in bfloat16 are often equal.

    Args:
        log_probabilities: of the next tokens, (B, N, V), contiguous.
        totals: of the hypotheses so far, (B, N) float64.
        k: how many; fewer where N · V is less.
    """
    hypotheses, vocabulary = log_probabilities.shape[1:]
    if hypotheses == k == 1:
        best, tokens = log_probabilities[:, 0].max(-1, keepdim=True)  # the first of equal ones
        return Candidates(totals + best, torch.zeros_like(tokens), tokens)
    k = min(k, hypotheses * vocabulary)
    if hypotheses * vocabulary < SMALL:
        every = _all(log_probabilities, totals)
        values, flat = every.topk(min(k + 1, every.shape[1]), 1)
    else:
        values, flat = _best_of_blocks(log_probabilities, totals, k + 1)
    tied = (values[:, 1:] == values[:, :-1]) & (values[:, 1:] > -torch.inf)
    if tied.any():
        values, flat = _in_order(values, flat)
    # The one beyond the k tells whether a tie was cut.
    cut = tied[:, k - 1 :].any(1)
    values, flat = values[:, :k], flat[:, :k]
    if cut.any():
        rows = cut.nonzero().squeeze(1)
        values, flat = values.contiguous(), flat.contiguous()
        values[rows], flat[rows] = _best_with_ties(log_probabilities[rows], totals[rows], k)
    slots = flat // vocabulary
    return Candidates(values, slots, flat - slots * vocabulary)


def _all(log_probabilities: Tensor, totals: Tensor) -> Tensor:
    """Every continuation, (B, N · V) float64."""
    return (log_probabilities + totals.unsqueeze(-1)).flatten(1)


def _best_of_blocks(log_probabilities: Tensor, totals: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Values, (B, k), and flat indices slot · V + token of the best, equal ones in any order.

    The k best elements stand in the k blocks with the best maxima, or among the few tokens after the last whole block.
    """
    batch, hypotheses, vocabulary = log_probabilities.shape
    device = log_probabilities.device
    blocks = vocabulary // BLOCK
    whole = blocks * BLOCK
    pieces = log_probabilities[..., :whole].view(batch, hypotheses, blocks, BLOCK)
    best = (pieces.amax(-1) + totals.unsqueeze(-1)).flatten(1)
    chosen = best.topk(min(k, best.shape[1]), 1, sorted=False).indices
    slots = chosen // blocks
    starts = slots * (vocabulary - whole) + chosen * BLOCK  # slot · V + block · BLOCK, block = chosen - slot · blocks
    flat = starts.unsqueeze(-1) + torch.arange(BLOCK, device=device)
    values = log_probabilities.view(batch, -1).gather(1, flat.flatten(1)).view(flat.shape)
    values = (values + totals.gather(1, slots).unsqueeze(-1)).flatten(1)
    flat = flat.flatten(1)
    if whole < vocabulary:
        rest = (log_probabilities[..., whole:] + totals.unsqueeze(-1)).flatten(1)
        places = torch.arange(hypotheses * vocabulary, device=device).view(hypotheses, vocabulary)[:, whole:]
        values, flat = torch.cat([values, rest], 1), torch.cat([flat, places.flatten().expand(batch, -1)], 1)
    values, places = values.topk(min(k, values.shape[1]), 1)
    return values, flat.gather(1, places)


def _in_order(values: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """Values and their indices, best first, and of equal ones the lower index."""
    flat, order = flat.sort(dim=1)
    return _by_value(values.gather(1, order), flat)


def _by_value(values: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """Values and their ascending indices, best first, and of equal ones the lower index."""
    values, order = values.sort(dim=1, descending=True, stable=True)
    return values, flat.gather(1, order)


def _best_with_ties(log_probabilities: Tensor, totals: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best as `top` orders them, by looking at every continuation."""
    values = _all(log_probabilities, totals)
    least = values.topk(k, 1, sorted=False).values.amin(1, keepdim=True)
    better, equal = values > least, values == least
    taken = better | (equal & (equal.cumsum(1) <= k - better.sum(1, keepdim=True)))
    flat = taken.nonzero()[:, 1].view(-1, k)  # in ascending order
    return _by_value(values.gather(1, flat), flat)
