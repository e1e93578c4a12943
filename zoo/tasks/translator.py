"""A model, or an ensemble, between texts: what it is asked, in ids, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

import torch
from torch import Tensor, nn

from zoo.errors import ConfigError, DataError, ZooError
from zoo.seq2seq.search import DecodeOptions, Hypothesis, SentenceError, WeightlessError, score, search


class SpecialIds(TypedDict):
    """Ids of the tokens that stand for no text, the same in every vocabulary of a run."""

    begin_id: int
    end_id: int
    padding_id: int
    unknown_id: int


class Constraints(TypedDict, total=False):
    """What a search must heed beside the sources, as token ids of every sentence."""

    prefixes: Sequence[Sequence[int]]
    must: Sequence[Sequence[Sequence[int]]]
    must_not: Sequence[Sequence[Sequence[int]]]


class Translator:
    """Searches and scores.

    Args:
        model: implements the step interface, see docs/plugins.md.
        data: the data component, for phrases, for texts, and for the names of sentences in errors.
        ids: of the special tokens.

    Attributes:
        companions: further models of an ensemble, each with a source vocabulary of its own.
    """

    def __init__(self, model: nn.Module, data: Any, ids: SpecialIds) -> None:
        self.model, self.data, self.ids = model, data, ids
        self.companions: list[Translator] = []

    # -- what is asked ---------------------------------------------------------------------------------------------

    def phrases(self, examples: Sequence[int], options: DecodeOptions) -> Constraints:
        """What is asked of examples, by the options and by the rows that were read.

        Raises:
            ConfigError: the data know nothing of phrases.
            DataError: a phrase has tokens that no target has.
        """
        ask = getattr(self.data, "constraints", None)
        if ask is not None:
            return cast(Constraints, ask(examples, options.must, options.must_not))
        if options.must or options.must_not:
            key = "must" if options.must else "must_not"
            raise ConfigError(f"decode.{key}", "the data do not say what tokens phrases have", "leave it out")
        return Constraints()

    def written(self, split: str | None, source: Tensor, examples: Sequence[int]) -> list[str | None]:
        """The texts of sources whose ids do not tell them in full; `None` for those where the ids do.

        Args:
            split: of the examples; `None` for rows that were read.
            source: ids, (B, S).
            examples: where in the split.
        """
        name = "asked" if split is None else "sources"
        unknown = (source == self.ids["unknown_id"]).any(1).tolist()
        if not hasattr(self.data, name) or not (self.companions or any(unknown)):
            return [None] * len(source)
        if split is None:
            return list(self.data.asked(examples))
        texts = self.data.sources(split)
        return [texts[index] for index in examples]

    def own_ids(self, row: Tensor) -> list[int]:
        """The ids of a row without its padding."""
        return cast("list[int]", row[row != self.ids["padding_id"]].tolist())

    def encoded(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Sources as ids of this model's vocabulary, padded, (B, S)."""
        rows = [torch.tensor(self.data.encode_source(text)) for text in texts]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.ids["padding_id"])
        return padded.to(device)

    def _sources(self, source: Tensor, texts: Sequence[str | None] | None) -> list[Tensor]:
        """Sources in the vocabulary of each model."""
        if not self.companions:
            return [source]
        known = zip(source, texts or [None] * len(source), strict=True)
        every = [self.data.source_text(self.own_ids(row)) if text is None else text for row, text in known]
        return [source, *(one.encoded(every, source.device) for one in self.companions)]

    @property
    def models(self) -> list[nn.Module]:
        """This model and its companions."""
        return [self.model, *(one.model for one in self.companions)]

    # -- what is answered ------------------------------------------------------------------------------------------

    @torch.no_grad()
    def translate(
        self,
        source: Tensor,
        options: DecodeOptions,
        constraints: Constraints | None = None,
        *,
        texts: Sequence[str | None] | None = None,
        examples: Sequence[int] | None = None,
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each source, best first.

        Args:
            source: ids with the end token, (B, S).
            options: how to search.
            constraints: of `phrases`.
            texts: of `written`, for an ensemble; by default what the ids say.
            examples: numbers of the sentences, for errors; by default their places in the batch.

        Raises:
            ConfigError: the strategy or the model cannot heed an option.
            DataError: nothing is left of what may be said of a sentence.
        """
        if options.strategy in ("sample", "mbr") and any((constraints or {}).get("must", ())):
            problem = f"{options.strategy} cannot heed phrases that must appear"
            raise ConfigError("decode.strategy", problem, "choose beam or diverse, or leave the phrases out")
        try:
            return search(
                cast(Any, self.models),
                self._sources(source, texts),
                options,
                **self.ids,
                **(constraints or Constraints()),
                text=self.data.decode,
            )
        except (SentenceError, WeightlessError) as error:
            raise self._explained(error, examples) from error

    @torch.no_grad()
    def score(
        self,
        source: Tensor,
        target: Tensor,
        options: DecodeOptions,
        *,
        texts: Sequence[str | None] | None = None,
        examples: Sequence[int] | None = None,
    ) -> list[Hypothesis]:
        """What is thought of given targets, (B, T) with their ends; other arguments as for `translate`.

        Raises:
            DataError: a target is impossible.
        """
        targets = [[token for token in self.own_ids(row) if token != self.ids["end_id"]] for row in target]
        try:
            return score(cast(Any, self.models), self._sources(source, texts), targets, options=options, **self.ids)
        except (SentenceError, WeightlessError) as error:
            raise self._explained(error, examples) from error

    def _explained(self, error: SentenceError | WeightlessError, examples: Sequence[int] | None) -> ZooError:
        """The error as users know things: by the name that the data have for a sentence, and by keys."""
        if isinstance(error, WeightlessError):
            return ConfigError("decode.coverage_penalty", "the model does not say where it looks", "set it to 0")
        place = error.row if examples is None else examples[error.row]
        named = getattr(self.data, "error_at", None)
        if named is None:
            return DataError(f"example {place}", problem=error.problem)
        return cast(DataError, named(place, problem=error.problem))

    def teacher_forced(
        self, inputs: Mapping[str, Tensor], real: Tensor, texts: Sequence[str | None] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """What is thought of known targets, position by position.

        Args:
            inputs: source (B, S) and prefix (B, T).
            real: target positions that are no padding, (B, T).
            texts: of `written`, for an ensemble.

        Returns:
            Logits of the real positions, (M, V): of an ensemble, logarithms of the mean of the probabilities; and
            attention weights, (B, T, S), the mean over the models that read the same ids, of models that have some.
        """
        logits, weights = self._forced(inputs, real)
        if not self.companions:
            return logits, weights
        first, *others = self._sources(inputs["source"], texts)
        mean, looked = logits.float().log_softmax(-1), [weights]
        for one, source in zip(self.companions, others, strict=True):
            own, own_weights = one._forced({**inputs, "source": source}, real)
            mean = torch.logaddexp(mean, own.float().log_softmax(-1))
            looked += [own_weights] if torch.equal(source, first) else []
        known = [one for one in looked if one is not None]
        return mean - math.log(len(self.models)), torch.stack(known).mean(0) if known else None

    def _forced(self, inputs: Mapping[str, Tensor], real: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits of the real positions and weights, of this model alone."""
        forced = getattr(self.model, "teacher_forced", None)
        if forced is None:
            return real_logits(self.model(**inputs), real), None
        logits, weights = forced(**inputs)
        return real_logits(logits, real), weights


def real_logits(prediction: Any, real: Tensor) -> Tensor:
    """Logits of the real positions, (M, V), of what a model returns: those, or one for every position."""
    logits = prediction[0] if isinstance(prediction, tuple) else prediction
    return cast(Tensor, logits[real] if logits.dim() == 3 else logits)
