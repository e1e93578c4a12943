"""Metrics of translation, sacreBLEU's (Post 2018): its numbers and its signatures, from sums that fit any batches.

All are fed predicted texts, detokenised, and for each text a list of right answers, as many as there are. They are
in points, 0 to 100, as sacreBLEU prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from torch import Tensor
from torchmetrics import Metric

from zoo.metrics.problems import fits

Scorer = BLEU | CHRF | TER
#: More references than a text can have: the minimum of none.
_MANY = torch.iinfo(torch.int64).max


@fits("seq2seq")
def bleu(
    tokenize: Literal["13a", "intl", "char", "zh", "ja-mecab", "ko-mecab", "none"] = "13a",
    lowercase: bool = False,
    smooth_method: Literal["exp", "floor", "add-k", "none"] = "exp",
    smooth_value: Annotated[float, Gt(0)] | None = None,
    effective_order: bool = False,
) -> Metric:
    """BLEU of a corpus, Papineni et al. (2002), by sacreBLEU: n-grams up to 4, in points.

    Args:
        tokenize: how both sides are cut into words: as mteval-v13a does, by Unicode classes (`intl`), into
            characters, for Chinese, Japanese or Korean, or at white space alone (`none`).
        lowercase: whether letter case is ignored.
        smooth_method: what stands for a precision of zero, Chen & Cherry (2014): method 3 (`exp`), 1 (`floor`),
            2 (`add-k`).
        smooth_value: the floor, 0.1 by default, or k, 1 by default.
        effective_order: leave out orders that no prediction is long enough for.

    Raises:
        ValueError: a `smooth_value` for a method that has none; a package that the tokenizer needs is missing.

    Example:
        >>> metric = bleu()
        >>> metric.update(["A dog runs over the grass."], [["A dog runs on the grass.", "A dog is running."]])
        >>> round(metric.compute().item(), 2)
        41.11
        >>> metric.signature.rpartition("|version")[0]
        'BLEU|nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp'
    """
    if smooth_value is not None and smooth_method not in ("floor", "add-k"):
        raise ValueError(f"smooth_value: smooth_method={smooth_method} has none; choose floor or add-k")
    return BLEUScore(
        partial(
            BLEU,
            tokenize=tokenize,
            lowercase=lowercase,
            smooth_method=smooth_method,
            smooth_value=smooth_value,
            effective_order=effective_order,
            force=True,
        ),
        torch.zeros(10, dtype=torch.int64),
    )


@fits("seq2seq")
def chrf(
    char_order: Annotated[int, Ge(1)] = 6,
    word_order: Annotated[int, Ge(0)] = 0,
    beta: Annotated[int, Ge(1)] = 2,
    lowercase: bool = False,
    whitespace: bool = False,
    eps_smoothing: bool = False,
) -> Metric:
    """chrF of a corpus, Popović (2015), by sacreBLEU: the F-score of character n-grams, in points.

    Args:
        char_order: characters of the longest n-grams.
        word_order: words of the longest word n-grams; 2 makes it chrF++, Popović (2017).
        beta: recall counts β² times.
        lowercase: whether letter case is ignored.
        whitespace: whether white space counts as characters.
        eps_smoothing: average over all orders, as chrF++.py does, not only over those that occur.

    Example:
        >>> metric = chrf()
        >>> metric.update(["A dog runs over the grass."], [["A dog runs on the grass."]])
        >>> round(metric.compute().item(), 2)
        75.65
    """
    return ChrF(
        partial(
            CHRF,
            char_order=char_order,
            word_order=word_order,
            beta=beta,
            lowercase=lowercase,
            whitespace=whitespace,
            eps_smoothing=eps_smoothing,
        ),
        torch.zeros(3 * (char_order + word_order), dtype=torch.int64),
    )


@fits("seq2seq")
def ter(
    normalized: bool = False,
    no_punct: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
) -> Metric:
    """Translation edit rate of a corpus, Snover et al. (2006), by sacreBLEU: edits and shifts a word, in points.

    The smaller the better, and above 100 is possible. The length of several references is their mean.

    Args:
        normalized: whether words are first cut as Tercom does.
        no_punct: whether punctuation is taken out.
        asian_support: whether these two know Chinese and Japanese characters.
        case_sensitive: whether letter case counts.

    Raises:
        ValueError: `asian_support` without either.

    Example:
        >>> metric = ter()
        >>> metric.update(["on the grass runs a dog"], [["a dog runs on the grass"]])
        >>> round(metric.compute().item(), 2)  # two shifts of 6 words
        33.33
    """
    if asian_support and not (normalized or no_punct):
        raise ValueError("asian_support: says how to normalise or take out punctuation; add normalized or no_punct")
    return TERScore(
        partial(
            TER,
            normalized=normalized,
            no_punct=no_punct,
            asian_support=asian_support,
            case_sensitive=case_sensitive,
        ),
        torch.zeros(2, dtype=torch.float64),
    )


class SacreBLEU(Metric):
    """A score of sacreBLEU from sums of its statistics of every text.

    Attributes:
        signature: the score's name and sacreBLEU's signature of the corpus of the last `compute`; empty before one.

    Args:
        make: of the scorer. It is made anew for a copy, since a tokenizer may not be one that can be copied.
        statistics: as many zeros as a text has statistics.
    """

    is_differentiable = False
    full_state_update = False

    statistics: Tensor
    fewest: Tensor
    most: Tensor

    def __init__(self, make: Callable[[], Scorer], statistics: Tensor) -> None:
        super().__init__()
        self.make = make
        self.scorer = _made(make)
        self.signature = ""
        self.add_state("statistics", default=statistics, dist_reduce_fx="sum")
        self.add_state("fewest", default=torch.tensor(_MANY), dist_reduce_fx="min")
        self.add_state("most", default=torch.tensor(0), dist_reduce_fx="max")

    def update(self, predicted: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Adds predictions, each with its right answers.

        Raises:
            ValueError: a prediction has no right answer.
        """
        if len(predicted) != len(references):
            raise ValueError(f"{len(predicted)} predictions, and right answers to {len(references)}")
        if not predicted:
            return
        counts = [len(right) for right in references]
        if not all(counts):
            raise ValueError(f"{predicted[counts.index(0)]!r} has no right answer to be compared with")
        streams = [
            [right[position] if position < len(right) else None for right in references]
            for position in range(max(counts))
        ]
        found = self.scorer._extract_corpus_statistics(predicted, streams)  # type: ignore[arg-type]
        device = self.statistics.device
        self.statistics += torch.tensor(found, dtype=self.statistics.dtype, device=device).sum(0)
        self.fewest = self.fewest.clamp(max=min(counts))
        self.most = self.most.clamp(min=max(counts))

    def compute(self) -> Tensor:
        """The score in points, () float64; NaN before any text."""
        fewest, most = int(self.fewest), int(self.most)
        if most == 0:
            return torch.tensor(torch.nan, dtype=torch.float64)
        self.scorer.num_refs = most if fewest == most else -1
        score = self.scorer._compute_score_from_stats(self.statistics.tolist())
        self.signature = f"{score.name}|{self.scorer.get_signature()}"
        return torch.tensor(score.score, dtype=torch.float64)

    def __getstate__(self) -> dict[str, Any]:
        return {name: one for name, one in super().__getstate__().items() if name != "scorer"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.scorer = _made(self.make)


class BLEUScore(SacreBLEU):
    """BLEU."""

    higher_is_better = True


class ChrF(SacreBLEU):
    """chrF and chrF++."""

    higher_is_better = True


class TERScore(SacreBLEU):
    """Translation edit rate."""

    higher_is_better = False


def _made(make: Callable[[], Scorer]) -> Scorer:
    """The scorer.

    Raises:
        ValueError: a package is missing.
    """
    try:
        return make()
    except RuntimeError as error:
        raise ValueError(f"tokenize: {' '.join(str(error).split())}") from error
