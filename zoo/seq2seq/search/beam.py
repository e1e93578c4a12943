"""Beam search: which continuations stay."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from zoo.seq2seq.search.candidates import Candidates, top
from zoo.seq2seq.search.frontier import Frontier
from zoo.seq2seq.search.rules import Rules


class Choice(NamedTuple):
    """The hypotheses of one more token that a search goes on with, in order.

    Attributes:
        totals: log P of each, (B, M) float64; -inf in a place without one.
        slots: which hypothesis each continues, (B, M).
        tokens: with which token, (B, M).
        draws: which draw each is, (B, M); `None` of a beam.
    """

    totals: Tensor
    slots: Tensor
    tokens: Tensor
    draws: Tensor | None = None


class Beam:
    """The best continuations of a sentence; those that end leave the beam, and their places with them.

    So did the beams of Graves (2012) and Sutskever et al. (2014). With groups, this is diverse beam search
    (Vijayakumar et al. 2018) with Hamming diversity: each group is a beam, chosen after the ones before it, and a token
    counts λ less for every hypothesis of theirs that takes it at this step. Diversity decides what is chosen, and is no
    part of a score.

    With phrases that must appear, places go to hypotheses by how many tokens these still miss, evenly, as in Post &
    Vilar (2018): the best of each kind, then the second best of each kind, and so on. A kind that has no more leaves
    its places to the others. Nothing is kept that could not meet them all before its maximum length.

    Args:
        width: of the beam.
        rules: for the phrases that must appear.
        groups: of equal size.
        diversity: λ.
    """

    def __init__(self, width: int, rules: Rules, groups: int = 1, diversity: float = 0.0) -> None:
        self.groups, self.diversity, self.rules = groups, diversity, rules
        self.size = width // groups
        #: Places each group of each of all sentences has left.
        self.places = torch.full((len(rules.limits), groups), self.size, device=rules.limits.device)
        self._all_places = True

    def expand(self, log_probabilities: Tensor, live: Frontier, step: int) -> Choice:
        """One more token.

        Args:
            log_probabilities: of the next tokens, after the rules, (B, N, V).
            live: the hypotheses; groups beside each other, but one common to all at the start.
            step: how many tokens they have.
        """
        each = live.totals.shape[1] // self.groups  # zero at the start
        chosen: list[Candidates] = []
        places = None if self._all_places else self.places[live.sentences]
        for group in range(self.groups):
            own = slice(group * each, (group + 1) * each) if each else slice(None)
            one = self._group(log_probabilities, live, own, chosen, step)
            if places is not None:
                rank = torch.arange(one.totals.shape[1], device=places.device)
                one = one._replace(totals=one.totals.masked_fill(rank >= places[:, group, None], -torch.inf))
            chosen.append(one._replace(slots=one.slots + group * each))
        if self.groups == 1:
            return Choice(*chosen[0])
        return Choice(*(torch.cat(parts, 1) for parts in zip(*chosen, strict=True)))

    def finish(self, sentences: Tensor, ended: Tensor) -> None:
        """Take the places of hypotheses that end, (B, M) bool."""
        self.places[sentences] -= ended.view(len(sentences), self.groups, -1).sum(-1)
        self._all_places = False

    def _group(
        self, log_probabilities: Tensor, live: Frontier, own: slice, earlier: list[Candidates], step: int
    ) -> Candidates:
        """What one group chooses from its own hypotheses; slots are counted from its first."""
        if self.groups == 1:
            return self._best(log_probabilities, live, own, step)
        plain = log_probabilities[:, own]
        counted = plain.contiguous()
        if earlier and self.diversity:
            taken = torch.cat([one.tokens for one in earlier], 1).unsqueeze(1).expand(-1, plain.shape[1], -1)
            cost = torch.cat([one.totals for one in earlier], 1).isfinite().unsqueeze(1) * -self.diversity
            counted = plain.clone(memory_format=torch.contiguous_format)
            counted.scatter_add_(-1, taken, cost.to(plain.dtype).expand(taken.shape))
        best = self._best(counted, live, own, step)
        row = torch.arange(len(plain), device=plain.device).unsqueeze(1)
        totals = live.totals[:, own].gather(1, best.slots) + plain[row, best.slots, best.tokens]
        return best._replace(totals=totals)

    def _best(self, log_probabilities: Tensor, live: Frontier, own: slice, step: int) -> Candidates:
        if live.required is None:
            return top(log_probabilities, live.totals[:, own], self.size)
        return self._best_of_each_kind(log_probabilities, live, own, step)

    def _best_of_each_kind(self, log_probabilities: Tensor, live: Frontier, own: slice, step: int) -> Candidates:
        """Like `top`, with places shared out over the numbers of tokens that are still missing."""
        required = self.rules.required
        assert required is not None
        assert live.required is not None
        totals, progress, sentences = live.totals[:, own], live.required.part(own), live.sentences
        batch, hypotheses, vocabulary = log_probabilities.shape
        flat = log_probabilities.view(batch * hypotheses, 1, vocabulary)
        best = top(flat, totals.new_zeros(len(flat), 1), self.size).tokens.view(batch, hypotheses, -1)
        wanted = required.next_tokens(progress, sentences)
        tokens = torch.cat([best, wanted.clamp(min=0)], -1)
        values = log_probabilities.gather(-1, tokens) + totals.unsqueeze(-1)
        # A wanted token that is among the best, or wanted by an earlier phrase, is one continuation and not two.
        same = (tokens.unsqueeze(-1) == tokens.unsqueeze(-2)).tril(-1).any(-1)
        none = torch.cat([torch.zeros_like(best, dtype=torch.bool), wanted < 0], -1)
        values = values.masked_fill(same | none, -torch.inf)
        missing = required.missing_after(progress, tokens, sentences)
        room = self.rules.limits[sentences] - (step + 1)
        values = values.masked_fill(missing > room.clamp(min=0)[:, None, None], -torch.inf)
        values, missing = values.flatten(1), missing.flatten(1)
        order = _fair_order(values, missing)[:, : self.size]
        width = tokens.shape[-1]
        return Candidates(values.gather(1, order), order // width, tokens.flatten(1).gather(1, order))


def _fair_order(values: Tensor, kinds: Tensor) -> Tensor:
    """Indices of the best of each kind, then of the second best of each, ..., each time by value, (B, M)."""
    by_value = values.argsort(dim=1, descending=True, stable=True)
    sorted_kinds, by_kind = kinds.gather(1, by_value).sort(dim=1, stable=True)
    place = torch.arange(values.shape[1], device=values.device).expand_as(kinds)
    first = torch.ones_like(sorted_kinds, dtype=torch.bool)
    first[:, 1:] = sorted_kinds[:, 1:] != sorted_kinds[:, :-1]
    rank = place - (place * first).cummax(1).values
    rank = torch.empty_like(rank).scatter_(1, by_kind, rank)  # by value again
    rank = rank.masked_fill(values.gather(1, by_value) == -torch.inf, values.shape[1])
    return by_value.gather(1, rank.argsort(dim=1, stable=True))
