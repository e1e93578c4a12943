"""From sources to hypotheses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.seq2seq.search.beam import Beam
from zoo.seq2seq.search.ensemble import Ensemble, StepModel, evaluating
from zoo.seq2seq.search.errors import SentenceError
from zoo.seq2seq.search.hypothesis import Hypothesis
from zoo.seq2seq.search.options import DecodeOptions
from zoo.seq2seq.search.penalties import Ranking
from zoo.seq2seq.search.risk import expected_utilities
from zoo.seq2seq.search.routine import Chooser, Routine
from zoo.seq2seq.search.rules import Phrase, Rules
from zoo.seq2seq.search.sampling import Sampler
from zoo.seq2seq.search.trace import End

Models = StepModel | Sequence[StepModel]
Sources = Tensor | Sequence[Tensor]


@torch.no_grad()
def search(
    models: Models,
    sources: Sources,
    options: DecodeOptions | None = None,
    *,
    begin_id: int = 2,
    end_id: int = 3,
    padding_id: int = 0,
    unknown_id: int = 1,
    prefixes: Sequence[Phrase] | None = None,
    must: Sequence[Sequence[Phrase]] | None = None,
    must_not: Sequence[Sequence[Phrase]] | None = None,
    generator: torch.Generator | None = None,
    text: Callable[[list[int]], str] | None = None,
) -> list[list[Hypothesis]]:
    """What models would say to each source.

    Nothing of a sentence's hypotheses depends on the sentences beside it, as far as the models' own arithmetic allows.
    Modules are in evaluation mode meanwhile.

    Args:
        models: one, or several of an ensemble: the mean of their probabilities. They share the target vocabulary.
        sources: ids, each source with its end, padded on the right, (B, S); of an ensemble whose models have source
            vocabularies of their own, one tensor a model.
        options: how to search; beam search by default.
        begin_id: the predecessor of the first token.
        end_id: ends sources and targets.
        padding_id: of the sources; never produced.
        unknown_id: may be produced as any other token. `replace_unknown` deals with it.
        prefixes: ids with which each sentence's output begins; empty for none.
        must: phrases of ids that appear in each sentence's output, of beam and diverse beam search.
        must_not: phrases of ids that do not appear, but for those that a prefix holds.
        generator: gives the seed of the draws in place of `options.seed`, another one each time.
        text: of ids, for minimum Bayes risk by chrF.

    Returns:
        The `n_best` distinct hypotheses of each sentence, best first; fewer where fewer were found, never none.

    Raises:
        ValueError: arguments do not go together, or a model gives what it should not.
        SentenceError: a sentence's rules leave nothing.
    """
    options = options or DecodeOptions()
    own_models, own_sources = lists(models, sources)
    _check(options, must, must_not, text)
    if not len(own_sources[0]):
        return []
    mask = own_sources[0] != padding_id
    rules = Rules(options, mask.sum(1), (begin_id, end_id, padding_id), prefixes, must, must_not)
    draws = options.strategy in ("sample", "mbr")
    chooser: Chooser
    if draws:
        seed = options.seed if generator is None else _seed_of(generator)
        ids = [source[own].tolist() for source, own in zip(own_sources[0], mask, strict=True)]
        chooser = Sampler(options, ids, rules.longest, seed, mask.device)
    else:
        chooser = Beam(options.beam, rules, options.group_count, options.diversity)
    # Groups and draws may find the same hypothesis twice: then the n-th best of all is not the n-th best to return.
    distinct = not draws and (options.group_count == 1 or options.n_best == 1)
    ranking = Ranking(options.length_penalty, options.coverage_penalty)
    with evaluating(own_models):
        ensemble = Ensemble(own_models, own_sources, padding_id)
        routine = Routine(ensemble, mask, rules, chooser, ranking, options.n_best if distinct else None, begin_id)
        found = routine.run()
    for row, ends in enumerate(found):
        if not ends:
            raise SentenceError(
                row,
                f"no output of at most {rules.longest[row]} tokens is left by the model and the rules; "
                "raise max_length or beam, or ask for less with must, must_not and no_repeat_ngram",
            )
    if options.strategy == "mbr":
        ranked = [_by_utility(ends, routine, options, text)[: options.n_best] for ends in found]
    else:
        ranked = [sorted(ends, key=lambda end: -end.score) for ends in found]
        if not distinct:
            ranked = [_distinct(ends, routine)[0] for ends in ranked]
        ranked = [ends[: options.n_best] for ends in ranked]
    hypotheses = iter(routine.trace.hypotheses([end for ends in ranked for end in ends]))
    return [[next(hypotheses) for _ in ends] for ends in ranked]


def lists(models: Models, sources: Sources) -> tuple[list[StepModel], list[Tensor]]:
    """Models and the sources of each."""
    several = list(models) if isinstance(models, Sequence) else [models]
    if isinstance(sources, Tensor):
        return several, [sources] * len(several)
    return several, list(sources)


def _check(
    options: DecodeOptions,
    must: Sequence[Sequence[Phrase]] | None,
    must_not: Sequence[Sequence[Phrase]] | None,
    text: Callable[[list[int]], str] | None,
) -> None:
    """Raises a ValueError for arguments that do not go with the options."""
    for name, given in (("must", must), ("must_not", must_not)):
        if getattr(options, name) and given is None:
            raise ValueError(f"the phrases of options.{name} are text; give their ids as {name}=, of each sentence")
    if options.strategy in ("sample", "mbr") and must and any(must):
        raise ValueError(f"strategy={options.strategy} cannot heed must; use strategy=beam or diverse")
    if options.strategy == "mbr" and options.mbr_utility == "chrf" and text is None:
        raise ValueError("mbr_utility=chrf compares texts; give text=, or use mbr_utility=edit_distance")


def _seed_of(generator: torch.Generator) -> int:
    return int(torch.randint(2**62, (), generator=generator, device=generator.device))


def _distinct(ends: list[End], routine: Routine) -> tuple[list[End], list[list[int]], list[int]]:
    """Ends of distinct hypotheses, in the order they have, with their tokens and how often they were found."""
    counts: dict[tuple[int, ...], int] = {}
    first: dict[tuple[int, ...], End] = {}
    for end, tokens in zip(ends, routine.trace.tokens(ends), strict=True):
        key = tuple(tokens)
        counts[key] = counts.get(key, 0) + 1
        first.setdefault(key, end)
    return list(first.values()), [list(key) for key in counts], list(counts.values())


def _by_utility(
    ends: list[End], routine: Routine, options: DecodeOptions, text: Callable[[list[int]], str] | None
) -> list[End]:
    """Distinct samples, scored and sorted by their expected utility."""
    own, tokens, counts = _distinct(ends, routine)
    texts = None if text is None or options.mbr_utility != "chrf" else [text(one) for one in tokens]
    utilities = expected_utilities(tokens if texts is None else texts, counts)
    scored = [end._replace(score=utility) for end, utility in zip(own, utilities, strict=True)]
    return sorted(scored, key=lambda end: (-end.score, -end.total))
