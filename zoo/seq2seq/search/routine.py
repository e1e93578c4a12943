"""The one loop of every search."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from zoo.seq2seq.search.beam import Choice
from zoo.seq2seq.search.ensemble import Ensemble
from zoo.seq2seq.search.errors import WeightlessError
from zoo.seq2seq.search.frontier import Frontier
from zoo.seq2seq.search.penalties import Ranking
from zoo.seq2seq.search.rules import Rules
from zoo.seq2seq.search.trace import End, Trace


class Chooser(Protocol):
    """Says with which hypotheses a search goes on: `Beam` or `Sampler`."""

    groups: int

    def expand(self, log_probabilities: Tensor, live: Frontier, step: int) -> Choice:
        """Choose among the next tokens, (B, N, V)."""

    def finish(self, sentences: Tensor, ended: Tensor) -> None:
        """Take note of the hypotheses of the last choice that end, (B, M) bool."""


class Routine:
    """Grow hypotheses by one token a step until every sentence is done.

    Hypotheses that end leave at once, and so do sentences that are done: a model steps over what is left, B sentences
    of as many hypotheses as the sentence with most of them has. A sentence is done when nothing of it is alive, or when
    nothing alive could be among its n best, see `Ranking.bound`.

    Args:
        ensemble: the models.
        mask: True at the sources' own positions, (B, S).
        rules: what may come.
        chooser: what stays.
        ranking: of finished hypotheses.
        n_best: hypotheses that are wanted of a sentence; `None` for all that the chooser keeps.
        begin_id: the first token's predecessor.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        mask: Tensor,
        rules: Rules,
        chooser: Chooser,
        ranking: Ranking,
        n_best: int | None,
        begin_id: int,
    ) -> None:
        self.ensemble, self.mask, self.rules = ensemble, mask, rules
        self.chooser, self.ranking, self.begin_id = chooser, ranking, begin_id
        self.trace = Trace(mask.sum(1).tolist(), rules.longest)
        self.ends: list[list[End]] = [[] for _ in mask]
        #: The best scores of each sentence so far, (B, n).
        self._best: Tensor | None = None
        if n_best is not None:
            self._best = torch.full((len(mask), n_best), -torch.inf, dtype=torch.float64, device=mask.device)

    def run(self) -> list[list[End]]:
        """The ends of each sentence's hypotheses, in the order they were found."""
        live: Frontier | None = self.rules.start(Frontier.start(len(self.mask), self.begin_id, self.mask.device))
        step = 0
        while live is not None:
            live = self._step(live, step)
            step += 1
        return self.ends

    def _step(self, live: Frontier, step: int) -> Frontier | None:
        """Frontier of hypotheses of `step` tokens to that of those of one more; `None` when all sentences are done."""
        log_probabilities, weights, has_weights = self.ensemble.step(live.tokens)
        self.trace.look(weights)
        live = self._covered(live, weights, has_weights)
        self.rules.apply(log_probabilities, live, step)
        choice = self.chooser.expand(log_probabilities, live, step)
        if choice.totals.isnan().any():
            raise ValueError(f"the model's logits hold NaN at step {step}; the model is broken, or its state is")
        batch, hypotheses = live.tokens.shape
        flat = choice.slots + torch.arange(0, batch * hypotheses, hypotheses, device=choice.slots.device).unsqueeze(1)
        found = choice.totals > -torch.inf
        ended = found & (choice.tokens == self.rules.end)
        alive = found
        if ended.any():
            alive = found & ~ended
            self._finish(live, choice, flat, ended, step)
        totals = choice.totals.masked_fill(~alive, -torch.inf)
        done = ~alive.any(1)
        if self._best is not None:
            longest = self.rules.limits[live.sentences] + 1
            done |= self.ranking.bound(totals, longest) <= self._best[live.sentences, -1]
        return self._next(live, choice._replace(totals=totals), flat, alive, done)

    def _covered(self, live: Frontier, weights: Tensor | None, has_weights: Tensor | None) -> Frontier:
        """The frontier with its coverage up to this step, where the ranking asks for it."""
        if has_weights is not None and not has_weights.all():
            self.trace.lacks_weights(live.sentences[~has_weights].tolist())
        if not self.ranking.beta:
            return live
        if weights is None or (has_weights is not None and not has_weights.all()):
            raise WeightlessError
        return replace(live, coverage=weights if live.coverage is None else live.coverage + weights)

    def _finish(self, live: Frontier, choice: Choice, flat: Tensor, ended: Tensor, step: int) -> None:
        """Keep the hypotheses that end at this step."""
        row, place = ended.nonzero(as_tuple=True)
        totals, rows, sentences = choice.totals[row, place], flat[row, place], live.sentences[row]
        coverage = None if live.coverage is None else live.coverage.flatten(0, 1)[rows]
        scores = self.ranking.score(totals, step + 1, coverage, self.mask[sentences])
        last = totals - live.totals.flatten()[rows]
        columns = (sentences, rows, last, totals, scores)
        for sentence, own, own_last, total, score in zip(*(one.tolist() for one in columns), strict=True):
            self.ends[sentence].append(End(sentence, step, own, own_last, total, score))
        self.chooser.finish(live.sentences, ended)
        if self._best is not None:
            new = torch.full(ended.shape, -torch.inf, dtype=torch.float64, device=ended.device)
            new[row, place] = scores
            both = torch.cat([self._best[live.sentences], new], 1)
            self._best[live.sentences] = both.topk(self._best.shape[1], 1).values

    def _next(self, live: Frontier, choice: Choice, flat: Tensor, alive: Tensor, done: Tensor) -> Frontier | None:
        """The next frontier: sentences that are not done, each group's living hypotheses first."""
        tokens, totals, draws, sentences = choice.tokens, choice.totals, choice.draws, live.sentences
        parents = live.totals.gather(1, choice.slots)
        rows = None
        if done.any():
            rows = (~done).nonzero().squeeze(1)
            if not len(rows):
                return None
            sentences, tokens, totals, parents, flat, alive = (
                one[rows] for one in (sentences, tokens, totals, parents, flat, alive)
            )
            draws = None if draws is None else draws[rows]
        if not alive.all():
            order = _living_first(alive, self.chooser.groups)
            tokens, totals, parents, flat = (one.gather(1, order) for one in (tokens, totals, parents, flat))
            draws = None if draws is None else draws.gather(1, order)
        self.trace.grow(tokens, totals - parents, flat)
        itself = rows is None and flat.shape == live.tokens.shape and flat.shape[1] == 1
        self.ensemble.follow(rows, None if itself else flat)
        return self.rules.advance(live.follow(sentences, tokens, totals, draws, flat))


def _living_first(alive: Tensor, groups: int) -> Tensor:
    """Indices of each group's living hypotheses, in order, as many as the group with most of them has, (B, N)."""
    each = alive.view(len(alive), groups, -1)
    most = int(each.sum(-1).max())
    order = (~each).to(torch.uint8).argsort(dim=-1, stable=True)[..., :most]
    starts = torch.arange(groups, device=alive.device).unsqueeze(-1) * each.shape[-1]
    return (order + starts).flatten(1)
