"""Hypotheses as people read them: texts, readable tokens, records for files, examples for tables and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from torch import Tensor

from zoo.report.alignment import heatmap
from zoo.report.translation import END, TranslationExample
from zoo.seq2seq.search import Hypothesis


@dataclass(frozen=True)
class Shown:
    """A source as people read it.

    Attributes:
        ids: without padding, the end among them.
        text: as it was written, where that is known.
        tokens: readable, one an id.
    """

    ids: list[int]
    text: str
    tokens: list[str]


class Rendering:
    """What ids mean, by the word of a data component.

    Args:
        data: turns ids into texts and readable tokens.
        padding_id: of the sources.
        unknown_id: of tokens that the vocabulary does not have.
    """

    def __init__(self, data: Any, padding_id: int, unknown_id: int) -> None:
        self.data, self.padding_id, self.unknown_id = data, padding_id, unknown_id

    def ids(self, row: Tensor) -> list[int]:
        """The ids of a row without its padding."""
        return cast("list[int]", row[row != self.padding_id].tolist())

    def source(self, row: Tensor, text: str | None = None) -> Shown:
        """A source with its text and tokens.

        Args:
            row: ids, padded.
            text: as it was written; by default what the ids say.
        """
        ids = self.ids(row)
        if text is None or self.unknown_id not in ids:
            return Shown(ids, self.data.source_text(ids), self.data.source_tokens(ids))
        return Shown(ids, text, self.data.source_tokens(ids, text))

    def text(self, hypothesis: Hypothesis, source: Shown, *, replace_unknown: bool = False) -> str:
        """What a hypothesis says.

        Args:
            hypothesis: of the source.
            source: of the hypothesis.
            replace_unknown: put the most attended source token, the end aside, for each unknown one, where there is
                attention.
        """
        if replace_unknown and hypothesis.weights is not None and self.unknown_id in hypothesis.tokens:
            looked_at = hypothesis.weights[:, : max(1, len(source.ids) - 1)].argmax(1).tolist()
            return str(self.data.decode_with_source(hypothesis.tokens, source.ids, looked_at, source.text))
        return str(self.data.decode(hypothesis.tokens))

    def example(
        self,
        source: Shown,
        hypothesis: Hypothesis,
        predicted: str,
        references: Sequence[str],
        *,
        place: int = 0,
        drawn: bool = True,
    ) -> TranslationExample:
        """A source with what was made of it.

        Args:
            source: of the example.
            hypothesis: the best one.
            predicted: its text.
            references: all right answers.
            place: where in its split.
            drawn: whether its attention is kept, for a picture.
        """
        weights = hypothesis.weights if drawn else None
        return TranslationExample(
            source=source.text,
            source_tokens=source.tokens,
            predicted_tokens=self._tokens(hypothesis),
            predicted=predicted,
            references=list(references),
            weights=None if weights is None else weights.float().cpu().numpy(),
            log_probability=hypothesis.log_probability,
            place=place,
        )

    def _tokens(self, hypothesis: Hypothesis) -> list[str]:
        """Readable tokens, the end among them, one a row of the weights."""
        return [*self.data.target_tokens(hypothesis.tokens), END]

    def record(self, source: Shown, ranked: Sequence[Hypothesis], texts: Sequence[str]) -> dict[str, Any]:
        """Everything that is known of one source's hypotheses, as plain data.

        Args:
            source: of the hypotheses.
            ranked: the hypotheses, best first.
            texts: of each.
        """
        return {
            **self.summary(source, ranked[0], texts[0]),
            "source_tokens": source.tokens,
            "hypotheses": [
                {
                    "text": text,
                    "score": one.score,
                    "log_probability": one.log_probability,
                    "tokens": self.data.target_tokens(one.tokens),
                    "token_log_probabilities": one.token_log_probabilities,
                    "alignment": None if one.weights is None else one.weights.double().round(decimals=6).tolist(),
                }
                for one, text in zip(ranked, texts, strict=True)
            ],
        }

    @staticmethod
    def summary(source: Shown, best: Hypothesis, text: str) -> dict[str, Any]:
        """The best hypothesis in a row of a table."""
        return {
            "source": source.text,
            "prediction": text,
            "probability": math.exp(best.log_probability),
            "score": best.score,
        }

    def scored(self, source: Shown, one: Hypothesis) -> dict[str, Any]:
        """How probable a given target is, as plain data."""
        return {
            "source": source.text,
            "target": self.data.decode(one.tokens),
            "score": one.score,
            "log_probability": one.log_probability,
            "tokens": self.data.target_tokens(one.tokens),
            "token_log_probabilities": one.token_log_probabilities,
        }


def picture_of(record: Mapping[str, Any]) -> bytes | None:
    """The attention of a record's best hypothesis, as a PNG file; `None` where there is none."""
    best = record["hypotheses"][0]
    if not best["alignment"]:
        return None
    tokens = [*best["tokens"], END]
    return heatmap(np.array(best["alignment"]), record["source_tokens"], tokens, record["prediction"]).png
