"""How probable given targets are."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zoo.seq2seq.search.beam import Beam
from zoo.seq2seq.search.decode import Models, Sources, lists
from zoo.seq2seq.search.ensemble import Ensemble, evaluating
from zoo.seq2seq.search.errors import SentenceError
from zoo.seq2seq.search.hypothesis import Hypothesis
from zoo.seq2seq.search.options import DecodeOptions
from zoo.seq2seq.search.penalties import Ranking
from zoo.seq2seq.search.routine import Routine
from zoo.seq2seq.search.rules import Phrase, Rules


@torch.no_grad()
def score(
    models: Models,
    sources: Sources,
    targets: Sequence[Phrase],
    *,
    options: DecodeOptions | None = None,
    begin_id: int = 2,
    end_id: int = 3,
    padding_id: int = 0,
    unknown_id: int = 1,
) -> list[Hypothesis]:
    """What models think of given targets: what `search` would report, had it found them.

    Args:
        models: as `search` takes them.
        sources: likewise.
        targets: ids without the end, one of each source, of any length.
        options: the penalties that make the score; none by default. All else in them has no say here.
        begin_id: the predecessor of the first token.
        end_id: ends sources and targets.
        padding_id: of the sources.
        unknown_id: a token as any other.

    Returns:
        One hypothesis a source; its `score` is log P(Y|X) / lp(Y) + cp(X; Y) whatever the strategy.

    Raises:
        ValueError: a target holds padding, begin or end, or there are not as many as sources.
    """
    own_models, own_sources = lists(models, sources)
    if len(targets) != len(own_sources[0]):
        raise ValueError(f"{len(targets)} targets of {len(own_sources[0])} sources; give one of each")
    if not targets:
        return []
    options = options or DecodeOptions()
    mask = own_sources[0] != padding_id
    exactly = DecodeOptions(beam=1, max_ratio=0.0, max_extra=0)
    rules = Rules(exactly, mask.sum(1), (begin_id, end_id, padding_id), targets)
    ranking = Ranking(options.length_penalty, options.coverage_penalty)
    with evaluating(own_models):
        ensemble = Ensemble(own_models, own_sources, padding_id)
        routine = Routine(ensemble, mask, rules, Beam(1, rules), ranking, None, begin_id)
        found = routine.run()
    for row, ends in enumerate(found):
        if not ends:
            raise SentenceError(row, "the model gives its target a probability of zero")
    return routine.trace.hypotheses([ends[0] for ends in found], given=True)
