"""Which phrases hypotheses contain, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.seq2seq.search.ensemble import follow


class Progress(NamedTuple):
    """How far N hypotheses of B sentences are with the P phrases of their sentence.

    Attributes:
        matched: whether the last l + 1 tokens are the first l + 1 of a phrase, (B, N, P, L) bool.
        met: whether the phrase has appeared, (B, N, P) bool.
    """

    matched: Tensor
    met: Tensor

    def select(self, flat: Tensor) -> Progress:
        """That of the hypotheses b · N + n in `flat`, (B', N')."""
        return Progress(follow(self.matched, flat), follow(self.met, flat))

    def part(self, hypotheses: slice) -> Progress:
        """That of some of the hypotheses of every sentence."""
        return Progress(self.matched[:, hypotheses], self.met[:, hypotheses])


class Phrases:
    """Phrases of every sentence, looked for by Shift-And (Baeza-Yates & Gonnet 1992).

    Args:
        phrases: of every sentence, each a sequence of at least one token.
        device: of the tensors.
    """

    def __init__(self, phrases: Sequence[Sequence[Sequence[int]]], device: torch.device) -> None:
        count = max(len(own) for own in phrases)
        longest = max(len(phrase) for own in phrases for phrase in own)
        tokens = torch.full((len(phrases), count, longest), -1)
        lengths = torch.zeros(len(phrases), count, dtype=torch.int64)
        for row, own in enumerate(phrases):
            for column, phrase in enumerate(own):
                tokens[row, column, : len(phrase)] = torch.tensor(phrase)
                lengths[row, column] = len(phrase)
        #: (B, P, L), -1 beyond a phrase's length, and (B, P), zero where a sentence has fewer phrases.
        self.tokens, self.lengths = tokens.to(device), lengths.to(device)

    def start(self) -> Progress:
        """That of empty hypotheses, one a sentence. A phrase that is none counts as met."""
        matched = torch.zeros_like(self.tokens, dtype=torch.bool).unsqueeze(1)
        return Progress(matched, (self.lengths == 0).unsqueeze(1))

    def advance(self, progress: Progress, tokens: Tensor, sentences: Tensor) -> Progress:
        """That of hypotheses one token longer.

        Args:
            progress: before, (B, N, P, L).
            tokens: the next ones, (B, N).
            sentences: which of all sentences these are, (B,).
        """
        fits = tokens[:, :, None, None] == self.tokens[sentences].unsqueeze(1)
        before = torch.cat([torch.ones_like(progress.matched[..., :1]), progress.matched[..., :-1]], -1)
        matched = fits & before
        last = (self.lengths[sentences] - 1).clamp(min=0)[:, None, :, None].expand(*matched.shape[:3], 1)
        return Progress(matched, progress.met | matched.gather(-1, last).squeeze(-1))

    def longest(self, progress: Progress) -> Tensor:
        """How many tokens of each phrase a hypothesis ends with, (B, N, P); 0 for those met."""
        count = torch.arange(1, self.tokens.shape[2] + 1, device=self.tokens.device)
        return (progress.matched * count).amax(-1).masked_fill(progress.met, 0)

    def missing(self, progress: Progress, sentences: Tensor) -> Tensor:
        """Tokens that suffice to meet all phrases, (B, N): the one that is furthest goes on, then the others whole."""
        whole = (self.lengths[sentences].unsqueeze(1) * ~progress.met).sum(-1)
        return whole - self.longest(progress).amax(-1)

    def missing_after(self, progress: Progress, tokens: Tensor, sentences: Tensor) -> Tensor:
        """What `missing` would be after each of some next tokens of each hypothesis, (B, N, C), in their shape."""
        batch, hypotheses, count = tokens.shape
        repeated = Progress(*(one.repeat_interleave(count, 1) for one in progress))
        after = self.advance(repeated, tokens.view(batch, hypotheses * count), sentences)
        return self.missing(after, sentences).view(tokens.shape)

    def next_tokens(self, progress: Progress, sentences: Tensor) -> Tensor:
        """The token with which each phrase that is not met goes on, (B, N, P); -1 for those met."""
        tokens = self.tokens[sentences].unsqueeze(1).expand(*progress.matched.shape)
        following = tokens.gather(-1, self.longest(progress).unsqueeze(-1)).squeeze(-1)
        return following.masked_fill(progress.met, -1)

    def completing(self, progress: Progress, sentences: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The tokens that would complete a phrase: indices b and n, and the token, (F,) each."""
        lengths = self.lengths[sentences].unsqueeze(1)
        before = (lengths - 2).clamp(min=0).unsqueeze(-1).expand(*progress.met.shape, 1)
        ready = (lengths == 1) | ((lengths > 1) & progress.matched.gather(-1, before).squeeze(-1))
        row, hypothesis, phrase = ready.nonzero(as_tuple=True)
        last = self.tokens[sentences[row], phrase, self.lengths[sentences[row], phrase] - 1]
        return row, hypothesis, last
