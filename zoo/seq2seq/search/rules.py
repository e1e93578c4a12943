"""What an output may be: its length, its prefix, phrases it must and must not hold, n-grams it must not repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from zoo.seq2seq.search.errors import SentenceError
from zoo.seq2seq.search.frontier import Frontier
from zoo.seq2seq.search.options import DecodeOptions
from zoo.seq2seq.search.phrases import Phrases

T = TypeVar("T")
Phrase = Sequence[int]
NONE = -torch.inf


class Rules:
    """The rules of every sentence. They take outputs away and leave the probabilities of the others as they are.

    A prefix stands whatever else is asked. A phrase that must appear may repeat n-grams. Where nothing but the end
    would be left, the minimum length gives way. Phrases that must appear may overlap, but near the maximum length room
    is kept for each of them whole.

    Args:
        options: lengths and n-grams.
        lengths: of the sources, their ends included, (B,).
        ids: begin, end, padding.
        prefixes: first tokens of every sentence.
        must: phrases of every sentence.
        must_not: likewise.

    Raises:
        ValueError: a sentence asks for what cannot be, or lists do not fit the number of sentences.
    """

    def __init__(
        self,
        options: DecodeOptions,
        lengths: Tensor,
        ids: tuple[int, int, int],
        prefixes: Sequence[Phrase] | None = None,
        must: Sequence[Sequence[Phrase]] | None = None,
        must_not: Sequence[Sequence[Phrase]] | None = None,
    ) -> None:
        begin, self.end, padding = ids
        #: Tokens that are never produced.
        self.never = sorted({begin, padding} - {self.end})
        self.min_length, self.ngram = options.min_length, options.no_repeat_ngram
        device = lengths.device
        starts = _each("prefixes", prefixes, len(lengths))
        musts, must_nots = _each("must", must, len(lengths)), _each("must_not", must_not, len(lengths))
        self._check(starts, musts, must_nots)
        musts = [_apart(own) for own in musts]
        needed = [len(start) + sum(map(len, own)) for start, own in zip(starts, musts, strict=True)]
        #: Tokens a sentence's output may have without its end.
        self.longest = _longest(options, lengths, needed)
        self.limits = torch.tensor(self.longest, device=device)
        self.required = Phrases(musts, device) if any(musts) else None
        self.refused = Phrases(must_nots, device) if any(must_nots) else None
        self._set_forced(starts)

    def _set_forced(self, starts: Sequence[Phrase]) -> None:
        """Tables of the tokens that are forced: by the step, all sentences' (B,), -1 where any may come."""
        steps = max(self.longest) + 1
        table = torch.full((len(starts), steps), -1)
        for row, start in enumerate(starts):
            table[row, : len(start)] = torch.tensor(start, dtype=torch.int64)
            table[row, self.longest[row] :] = self.end
        self._anything_forced = (table >= 0).any(0).tolist()
        self._forced = table.t().contiguous().to(self.limits.device)

    def start(self, live: Frontier) -> Frontier:
        """The first frontier, with what the rules keep of hypotheses."""
        return replace(
            live,
            history=live.tokens.new_empty(*live.tokens.shape, 0) if self.ngram else None,
            required=self.required.start() if self.required else None,
            refused=self.refused.start() if self.refused else None,
        )

    def advance(self, live: Frontier) -> Frontier:
        """The same frontier, the last tokens taken note of."""
        if live.history is not None:
            live = replace(live, history=torch.cat([live.history, live.tokens.unsqueeze(-1)], -1))
        if self.required and live.required:
            live = replace(live, required=self.required.advance(live.required, live.tokens, live.sentences))
        if self.refused and live.refused:
            live = replace(live, refused=self.refused.advance(live.refused, live.tokens, live.sentences))
        return live

    def apply(self, log_probabilities: Tensor, live: Frontier, step: int) -> None:
        """Take away, in place, the tokens that may not come.

        Args:
            log_probabilities: (B, N, V).
            live: the hypotheses.
            step: how many tokens they have.
        """
        forced = self._forced[step][live.sentences] if self._anything_forced[step] else None
        if forced is not None:
            rows = (forced >= 0).nonzero().squeeze(1)
            kept = log_probabilities[rows, :, forced[rows]]
        end = log_probabilities[..., self.end].clone() if step < self.min_length else None
        log_probabilities[..., self.never] = NONE
        if self.ngram:
            self._refuse_repeated(log_probabilities, live)
        if self.refused and live.refused:
            row, hypothesis, token = self.refused.completing(live.refused, live.sentences)
            log_probabilities[row, hypothesis, token] = NONE
        if end is not None:
            log_probabilities[..., self.end] = NONE
            if self.ngram or self.refused:
                nothing = log_probabilities.amax(-1) == NONE
                log_probabilities[..., self.end] = end.masked_fill(~nothing, NONE)
        if self.required and live.required:
            unmet = ~live.required.met.all(-1)
            log_probabilities[..., self.end].masked_fill_(unmet, NONE)
        if forced is not None:
            log_probabilities[rows] = NONE
            log_probabilities[rows, :, forced[rows]] = kept

    def _refuse_repeated(self, log_probabilities: Tensor, live: Frontier) -> None:
        """Take away what would repeat an n-gram, unless a phrase that must appear goes on with it."""
        history, n = live.history, self.ngram
        if history is None or history.shape[-1] < n:
            return
        earlier = history.unfold(-1, n, 1)  # (B, N, t - n + 1, n)
        context = history[..., history.shape[-1] - n + 1 :].unsqueeze(2)
        row, hypothesis, place = (earlier[..., :-1] == context).all(-1).nonzero(as_tuple=True)
        kept, wanted = None, None
        if self.required and live.required:
            wanted = self.required.next_tokens(live.required, live.sentences)
            kept = log_probabilities.gather(-1, wanted.clamp(min=0))
        log_probabilities[row, hypothesis, earlier[row, hypothesis, place, n - 1]] = NONE
        if kept is not None and wanted is not None:
            row, hypothesis, place = (wanted >= 0).nonzero(as_tuple=True)
            tokens = wanted[row, hypothesis, place]
            log_probabilities[row, hypothesis, tokens] = kept[row, hypothesis, place]

    def _check(
        self, starts: Sequence[Phrase], musts: Sequence[Sequence[Phrase]], must_nots: Sequence[Sequence[Phrase]]
    ) -> None:
        """Raises a SentenceError."""
        special = {*self.never, self.end}
        for row, (start, own, refused) in enumerate(zip(starts, musts, must_nots, strict=True)):
            for name, phrases in (("prefix", [start]), ("must", own), ("must_not", refused)):
                for phrase in phrases:
                    if special & set(phrase) or min(phrase, default=0) < 0:
                        raise SentenceError(row, f"{name} {list(phrase)} holds padding, begin or end; leave them out")
                    if not phrase and name != "prefix":
                        raise SentenceError(row, f"a phrase of {name} is empty; leave it out")
            for phrase in own:
                if any(_holds(phrase, other) for other in refused):
                    raise SentenceError(row, "a phrase of must holds one of must_not; drop one of them")


def _holds(phrase: Phrase, part: Phrase) -> bool:
    """Whether one phrase is a part of the other."""
    return any(list(phrase[at : at + len(part)]) == list(part) for at in range(len(phrase) - len(part) + 1))


def _apart(phrases: Sequence[Phrase]) -> list[Phrase]:
    """The phrases without those that another one holds, or repeats."""
    ordered = sorted(phrases, key=len, reverse=True)
    return [phrase for at, phrase in enumerate(ordered) if not any(_holds(one, phrase) for one in ordered[:at])]


def _each(name: str, given: Sequence[Sequence[T]] | None, count: int) -> Sequence[Sequence[T]]:
    """What is given for each of `count` sentences."""
    if given is None:
        return [()] * count
    if len(given) != count:
        raise ValueError(f"{name} is given for {len(given)} of {count} sentences; give one of each, empty for none")
    return given


def _longest(options: DecodeOptions, lengths: Tensor, needed: Sequence[int]) -> list[int]:
    """The longest output of each sentence: of its own length, never of the batch, and what is asked for fits in."""
    longest = []
    for row, (length, least) in enumerate(zip(lengths.tolist(), needed, strict=True)):
        most = int(length * options.max_ratio) + options.max_extra
        if options.max_length is not None:
            if least > options.max_length:
                problem = f"its prefix and phrases have {least} tokens, max_length={options.max_length}"
                raise SentenceError(row, f"{problem}; raise max_length")
            most = min(most, options.max_length)
        longest.append(max(most, least, options.min_length))
    return longest
