"""Drawing from what a model predicts."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from zoo.seq2seq.search.beam import Choice
from zoo.seq2seq.search.frontier import Frontier
from zoo.seq2seq.search.options import DecodeOptions


class Sampler:
    """Independent draws, token by token, by the inverse of the distribution function.

    Each sentence has uniform numbers of its own, which depend on the seed and its source alone: whatever stands beside
    it, and wherever, it gets the same draws. The first draws of many are those of few.

    Args:
        options: samples, temperature, top_k, top_p.
        sources: the ids of every source, without padding.
        longest: tokens of the longest output of each sentence, the end not counted.
        seed: of the draws.
        device: of the tensors.
    """

    groups = 1

    def __init__(
        self, options: DecodeOptions, sources: list[list[int]], longest: list[int], seed: int, device: torch.device
    ) -> None:
        self.options, self.count = options, options.width
        uniform = torch.zeros(len(sources), self.count, max(longest) + 1)
        generator = torch.Generator()
        for row, (source, length) in enumerate(zip(sources, longest, strict=True)):
            generator.manual_seed(_seed(source, seed))
            uniform[row, :, : length + 1] = torch.rand(self.count, length + 1, generator=generator)
        self.uniform = uniform.to(device)

    def expand(self, log_probabilities: Tensor, live: Frontier, step: int) -> Choice:
        """One more token of every draw.

        Args:
            log_probabilities: of the next tokens, after the rules, (B, N, V).
            live: the draws that are left; one empty hypothesis a sentence at the start.
            step: how many tokens they have.
        """
        batch = len(live.sentences)
        if live.draws is None:
            draws = torch.arange(self.count, device=live.tokens.device).expand(batch, -1)
            slots = torch.zeros_like(draws)
        else:
            draws, slots = live.draws, torch.arange(live.draws.shape[1], device=live.tokens.device).expand(batch, -1)
        uniform = self.uniform[live.sentences.unsqueeze(1), draws, step]
        uniform = uniform.unsqueeze(1) if live.draws is None else uniform.unsqueeze(2)
        tokens = self._draw(log_probabilities, uniform).view(batch, -1)
        rows = torch.arange(batch, device=tokens.device).unsqueeze(1)
        totals = live.totals.gather(1, slots) + log_probabilities[rows, slots, tokens]
        return Choice(totals, slots, tokens, draws)

    def finish(self, sentences: Tensor, ended: Tensor) -> None:
        """Nothing is to be done for draws that end."""

    def _draw(self, log_probabilities: Tensor, uniform: Tensor) -> Tensor:
        """Tokens, (B, N, M), from (B, N, V) and uniform numbers in [0, 1), (B, N, M)."""
        options = self.options
        scaled = log_probabilities if options.temperature == 1 else log_probabilities / options.temperature
        probabilities = scaled.softmax(-1)
        if 0 < options.top_k < probabilities.shape[-1]:
            least = probabilities.topk(options.top_k, -1).values[..., -1:]
            probabilities.masked_fill_(probabilities < least, 0.0)
        if options.top_p < 1:
            probabilities.masked_fill_(probabilities < _least_of_nucleus(probabilities, options.top_p), 0.0)
        below = probabilities.cumsum(-1)
        whole = below[..., -1:]
        target = torch.minimum(uniform.to(below.dtype) * whole, whole.nextafter(torch.zeros_like(whole)))
        # A row without a token that may come has no distribution; its draw ends in a total of -inf.
        return torch.searchsorted(below, target, right=True).clamp(max=below.shape[-1] - 1)


def _least_of_nucleus(probabilities: Tensor, share: float) -> Tensor:
    """The least probability in the smallest set of tokens with a share of the whole, (..., 1).

    All tokens with this probability belong to the set, so that their order decides nothing. Most sets are small: only
    where one is not, more tokens are sorted.
    """
    flat = probabilities.flatten(0, -2)
    wanted = share * flat.sum(-1, keepdim=True)
    least = torch.empty_like(wanted)
    rows, count = torch.arange(len(flat), device=flat.device), 64
    while len(rows):
        count = min(count, flat.shape[-1])
        largest = flat[rows].topk(count, -1).values
        below = largest.cumsum(-1)
        index = (below < wanted[rows]).sum(-1, keepdim=True)
        least[rows] = largest.gather(-1, index.clamp(max=count - 1))
        rows = rows[(index.squeeze(-1) == count) & (count < flat.shape[-1])]
        count *= 8
    return least.view(*probabilities.shape[:-1], 1)


def _seed(source: list[int], seed: int) -> int:
    """One of the source's own."""
    text = ",".join(map(str, [seed, *source])).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1
