"""Metrics of whole generated sequences: right or not, and how far from right.

All are fed predicted texts, and for each text a list of right answers. Texts are compared as they are, code point by
code point: letter case, white space and the Unicode normal form count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torchmetrics import Metric

from zoo.metrics.edit_distance import edit_distance
from zoo.metrics.problems import fits
from zoo.metrics.ratio import Ratio

Unit = Literal["token", "character"]


@fits("seq2seq")
def exact_match() -> Metric:
    """Share of predictions that equal one of their right answers, in [0, 1].

    Example:
        >>> metric = exact_match()
        >>> metric.update(["R EH D", "L EH D"], [["R IY D", "R EH D"], ["L IY D"]])
        >>> metric.compute().item()
        0.5
    """
    return ExactMatch()


@fits("seq2seq")
def wer() -> Metric:
    """Word error rate as in grapheme-to-phoneme conversion: the share of predictions that are NOT right, in [0, 1].

    There an example is a word, and its whole pronunciation is right, when it equals one of the right answers, or
    wrong: this is 1 - `exact_match`. It is not the edit distance over words of speech recognition, which goes by the
    same name; for that take `edit_distance_rate`.

    Example:
        >>> metric = wer()
        >>> metric.update(["R EH D", "L EH D"], [["R IY D", "R EH D"], ["L IY D"]])
        >>> metric.compute().item()
        0.5
    """
    return WrongShare()


@fits("seq2seq")
def edit_distance_rate(unit: Unit = "token") -> Metric:
    """Σ Levenshtein distance to the nearest right answer / Σ length of that answer, from 0; above 1 is possible.

    The nearest answer is the one at the least distance, and of several such the shortest, which makes the rate no
    smaller than another choice would. NaN where no right answer has a single unit.

    Args:
        unit: what is inserted, deleted and replaced. `token`: what stands between white space; `character`: Unicode
            code points, white space included, so that a letter and a combining accent are two.

    Example:
        >>> metric = edit_distance_rate()
        >>> metric.update(["a cat sat"], [["the cat sat down", "a dog sat there"]])
        >>> metric.compute().item()  # of 4 tokens, 2 are to be edited
        0.5
    """
    return EditDistanceRate(unit)


@fits("seq2seq")
def per() -> Metric:
    """Phoneme error rate: `edit_distance_rate` over tokens, which are the sounds of a pronunciation.

    Example:
        >>> metric = per()
        >>> metric.update(["R EH D", "L EH D"], [["R IY D", "R EH D"], ["L IY D"]])
        >>> round(metric.compute().item(), 4)  # one sound of 3 + 3
        0.1667
    """
    return EditDistanceRate("token")


@fits("seq2seq")
def cer() -> Metric:
    """Character error rate: `edit_distance_rate` over Unicode code points, white space included.

    Example:
        >>> metric = cer()
        >>> metric.update(["lead"], [["read", "road"]])
        >>> metric.compute().item()
        0.25
    """
    return EditDistanceRate("character")


class ExactMatch(Ratio):
    """Share of predictions that are right."""

    higher_is_better = True

    def update(self, predicted: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Adds predictions, each with its right answers."""
        self.total += _right(predicted, references)
        self.count += len(predicted)


class WrongShare(Ratio):
    """Share of predictions that are not right."""

    higher_is_better = False

    def update(self, predicted: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Adds predictions, each with its right answers."""
        self.total += len(predicted) - _right(predicted, references)
        self.count += len(predicted)


def _right(predicted: Sequence[str], references: Sequence[Sequence[str]]) -> int:
    """How many predictions are among their right answers."""
    return sum(one in right for one, right in zip(predicted, references, strict=True))


class EditDistanceRate(Ratio):
    """Edits to the nearest right answers over their lengths.

    Args:
        unit: `token` or `character`.
    """

    higher_is_better = False

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self.unit = unit

    def update(self, predicted: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Adds predictions, each with its right answers.

        Raises:
            ValueError: a prediction has no right answer.
        """
        edits, length = 0, 0
        for one, right in zip(predicted, references, strict=True):
            if not right:
                raise ValueError(f"{one!r} has no right answer to be compared with")
            units = self._units(one)
            nearest = min((edit_distance(units, other), len(other)) for other in map(self._units, right))
            edits, length = edits + nearest[0], length + nearest[1]
        self.total += edits
        self.count += length

    def _units(self, text: str) -> Sequence[str]:
        return text.split() if self.unit == "token" else text
