"""Sequence to sequence: teacher-forced training, and search over what the model has learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn
from torchmetrics import Metric

from zoo.report.alignment import heatmap
from zoo.report.translation import TranslationExample
from zoo.seq2seq.search import DecodeOptions, Hypothesis, score, search
from zoo.tasks.task import OptimizerFactory, ScheduleFactory, Task

#: How the end of a target is shown.
END = "</s>"
#: Of how many tested examples attention is kept, about.
DRAWN = 64


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


class SequenceToSequence(Task):
    """Translates: sentences, words into sounds, anything into anything.

    Training minimises the mean loss over target tokens, padding left out. Validation decodes greedily; testing and
    prediction as `decode` says.

    Args:
        model: implements the step interface, see docs/plugins.md.
        loss: takes logits (M, V) of real target positions and their tokens (M,).
        optimizer: builds the optimizer.
        schedule: builds the schedule.
        metrics: metric by name; its attribute `reads` says whether it is fed texts, logits or attention weights.
        facts: of the data: vocabulary sizes and the ids of special tokens.
        data: turns ids into text, and knows the right answers.
        decode: how testing and prediction search.
        heatmaps: of how many validation examples attention is drawn after each validation.
    """

    problems = ("seq2seq",)
    #: Whether the group `decode` is of use.
    generates = True
    #: The column that is a prediction's whole text.
    text_column = "prediction"

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerFactory | None,
        schedule: ScheduleFactory | None,
        metrics: Mapping[str, Metric],
        facts: Mapping[str, Any],
        data: Any,
        decode: DecodeOptions,
        heatmaps: Annotated[int, Ge(0)] = 2,
    ) -> None:
        super().__init__(model, loss, optimizer, schedule, metrics, facts)
        self.data = data
        self.decode = decode
        self.heatmaps = heatmaps
        self.ids = SpecialIds(
            begin_id=int(facts["begin_id"]),
            end_id=int(facts["end_id"]),
            padding_id=int(facts["padding_id"]),
            unknown_id=int(facts["unknown_id"]),
        )
        #: Further models of an ensemble, each with the sources of its own vocabulary.
        self.companions: list[SequenceToSequence] = []

    @staticmethod
    def default_loss(facts: Mapping[str, Any]) -> str:
        """Cross-entropy over the target vocabulary."""
        return "cross_entropy"

    @staticmethod
    def default_metrics(facts: Mapping[str, Any]) -> list[str]:
        """What the data are usually measured by, or else a little of everything."""
        return list(facts.get("metrics", ("perplexity", "token_accuracy", "exact_match", "chrf")))

    @staticmethod
    def out_features(facts: Mapping[str, Any], loss: nn.Module) -> int:
        """One logit a target token."""
        return int(facts["target_vocab_size"])

    # -- training --------------------------------------------------------------------------------------------------

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Lightning's hook: the loss of one batch, a mean over its tokens."""
        inputs, target = batch[:2]
        real = target != self.ids["padding_id"]
        tokens = target[real]
        loss = self.loss_of(self._real_logits(self.model(**inputs), real), tokens)
        self._sums.add(loss.detach(), self.loss_count(tokens))
        return loss

    @staticmethod
    def _real_logits(prediction: Any, real: Tensor) -> Tensor:
        """Logits of the real positions, (M, V), of what a model returns: those, or one for every position."""
        logits = prediction[0] if isinstance(prediction, tuple) else prediction
        return cast(Tensor, logits[real] if logits.dim() == 3 else logits)

    # -- evaluation ------------------------------------------------------------------------------------------------

    @property
    def _split(self) -> str:
        """The split that testing reads."""
        return str(getattr(self.trainer.datamodule, "test_split", "test"))  # type: ignore[attr-defined]

    def _evaluate(self, batch: Any, split: str) -> None:
        inputs, target, examples = batch
        if len(target) == 0:
            return
        real = target != self.ids["padding_id"]
        tokens = target[real]
        logits, weights = self.teacher_forced(inputs, real)
        cast(Metric, self.example_losses[split]).update(self.loss_of(logits, tokens), self.loss_count(tokens))
        metrics = list(cast(nn.ModuleDict, self.example_metrics[split]).values())
        for metric in metrics:
            if _reads(metric) == "logits":
                cast(Metric, metric).update(logits.float(), tokens)
            elif _reads(metric) == "weights" and weights is not None:
                cast(Metric, metric).update(weights, real)
        keeps = split == "test" and self.keep_tested
        readers = [metric for metric in metrics if _reads(metric) == "text"]
        if not readers and not keeps:
            return
        options = self.decode if split == "test" else self.decode.greedy()
        found = [ranked[0] for ranked in self.translate(inputs["source"], options)]
        predicted = [self.text_of(one, source) for one, source in zip(found, inputs["source"], strict=True)]
        right = self.data.references(self._split if split == "test" else split)
        references = [right[index] for index in examples.tolist()]
        for metric in readers:
            cast(Metric, metric).update(predicted, references)
        if keeps:
            parts = zip(inputs["source"], found, predicted, references, strict=True)
            drawn = len(self.tested) < DRAWN
            self.tested += [self.example(*one, drawn=drawn) for one in parts]  # type: ignore[misc]

    def teacher_forced(self, inputs: Mapping[str, Tensor], real: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits of the real positions, (M, V), and attention weights, (B, T, S), of models that have some."""
        forced = getattr(self.model, "teacher_forced", None)
        if forced is None:
            return self._real_logits(self.model(**inputs), real), None
        logits, weights = forced(**inputs)
        return self._real_logits(logits, real), weights

    def on_validation_epoch_end(self) -> None:
        """Lightning's hook: metrics over all examples, schedules that watch them, and pictures of some."""
        super().on_validation_epoch_end()
        if self.heatmaps and self.trainer.is_global_zero and not self.trainer.sanity_checking:
            self._draw_heatmaps()

    # -- translation -----------------------------------------------------------------------------------------------

    @torch.no_grad()
    def translate(
        self, source: Tensor, options: DecodeOptions | None = None, constraints: Constraints | None = None
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each source, best first.

        Args:
            source: ids with the end token, (B, S).
            options: how to search; as the run says by default.
            constraints: `prefixes`, `must`, `must_not` of every sentence, as ids.
        """
        models, sources = self._models_and_sources(source)
        return search(
            cast(Any, models),
            sources,
            options or self.decode,
            **self.ids,
            **(constraints or Constraints()),
            text=self.data.decode,
        )

    def _models_and_sources(self, source: Tensor) -> tuple[list[nn.Module], list[Tensor]]:
        """This model and its companions, each with the sources in its own vocabulary."""
        models = [self.model, *(one.model for one in self.companions)]
        return models, [source, *(one.reencoded(self.data, source) for one in self.companions)]

    def reencoded(self, other: Any, source: Tensor) -> Tensor:
        """Sources of another data component, as ids of this one's vocabulary."""
        texts = [other.source_text(self._own(row)) for row in source]
        rows = [torch.tensor(self.data.encode_source(text)) for text in texts]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.ids["padding_id"])
        return padded.to(source.device)

    def text_of(self, hypothesis: Hypothesis, source: Tensor) -> str:
        """What a hypothesis says; unknown tokens replaced where the run says so."""
        if self.decode.replace_unknown and hypothesis.weights is not None:
            return str(self.data.decode_with_source(hypothesis.tokens, self._own(source), hypothesis.weights.argmax(1)))
        return str(self.data.decode(hypothesis.tokens))

    def _own(self, source: Tensor) -> list[int]:
        """The ids of a source without its padding."""
        return cast("list[int]", source[source != self.ids["padding_id"]].tolist())

    def example(
        self, source: Tensor, hypothesis: Hypothesis, predicted: str, references: Sequence[str], *, drawn: bool = True
    ) -> TranslationExample:
        """A source with what was made of it, for tables and, with its weights, for pictures."""
        weights = hypothesis.weights if drawn else None
        return TranslationExample(
            source=self.data.source_text(self._own(source)),
            source_tokens=self.data.source_tokens(self._own(source)),
            predicted_tokens=[*self.data.target_tokens(hypothesis.tokens), END][
                : len(hypothesis.token_log_probabilities)
            ],
            predicted=predicted,
            references=list(references),
            weights=None if weights is None else weights.float().cpu().numpy(),
            log_probability=hypothesis.log_probability,
        )

    def record_of(self, source: Tensor, ranked: Sequence[Hypothesis]) -> dict[str, Any]:
        """One source's predictions as plain data."""
        best = ranked[0]
        every = [
            {
                "text": self.text_of(one, source),
                "score": one.score,
                "log_probability": one.log_probability,
                "tokens": self.data.target_tokens(one.tokens),
                "token_log_probabilities": one.token_log_probabilities,
                "alignment": None
                if one.weights is None
                else [[round(w, 6) for w in row] for row in one.weights.tolist()],
            }
            for one in ranked
        ]
        return {
            "source": self.data.source_text(self._own(source)),
            "prediction": every[0]["text"],
            "probability": math.exp(best.log_probability),
            "score": best.score,
            "source_tokens": self.data.source_tokens(self._own(source)),
            "hypotheses": every,
        }

    def predictions(self, batch: Any) -> list[dict[str, Any]]:
        """One record a source: the best text with its score, and every hypothesis with tokens and alignment."""
        inputs, _, examples = batch
        source = inputs["source"]
        constraints = self.data.constraints(examples.tolist(), self.decode.must, self.decode.must_not)
        ranked = self.translate(source, constraints=constraints)
        return [self.record_of(*one) for one in zip(source, ranked, strict=True)]

    @torch.no_grad()
    def scores(self, batch: Any) -> list[dict[str, Any]]:
        """One record a pair: how probable the target is, given the source."""
        inputs, target, _ = batch
        end = self.ids["end_id"]
        targets = [[token for token in self._own(row) if token != end] for row in target]
        models, sources = self._models_and_sources(inputs["source"])
        found = score(cast(Any, models), sources, targets, options=self.decode, **self.ids)
        return [
            {
                "source": self.data.source_text(self._own(source)),
                "target": self.data.decode(one.tokens),
                "score": one.score,
                "log_probability": one.log_probability,
                "tokens": self.data.target_tokens(one.tokens),
                "token_log_probabilities": one.token_log_probabilities,
            }
            for source, one in zip(inputs["source"], found, strict=True)
        ]

    # -- pictures --------------------------------------------------------------------------------------------------

    @staticmethod
    def picture_of(record: Mapping[str, Any]) -> bytes | None:
        """The attention of one of `predictions`, as a PNG file; `None` where there is none."""
        best = record["hypotheses"][0]
        if not best["alignment"]:
            return None
        tokens = [*best["tokens"], END][: len(best["alignment"])]
        return heatmap(np.array(best["alignment"]), record["source_tokens"], tokens, record["prediction"]).png

    def _draw_heatmaps(self) -> None:
        """The same few validation examples each time, as files and in TensorBoard."""
        dataset = self.data.dataset("val")
        chosen = list(range(min(self.heatmaps, len(dataset))))
        if not chosen or self.trainer.default_root_dir is None:
            return
        inputs, _, _ = self.data.collate(dataset.__getitems__(chosen))
        source = inputs["source"].to(self.device)
        right = self.data.references("val")
        folder = Path(self.trainer.default_root_dir) / "pictures" / "validation"
        for index, ranked in enumerate(self.translate(source, self.decode.greedy())):
            one = self.example(source[index], ranked[0], self.text_of(ranked[0], source[index]), right[index])
            if one.weights is None:
                return
            title = f"{one.predicted}  (step {self.trainer.global_step:,})"
            picture = heatmap(one.weights, one.source_tokens, one.predicted_tokens, title)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"example-{index}-step-{self.trainer.global_step:06d}.png").write_bytes(picture.png)
            for logger in self.loggers:
                if hasattr(logger, "log_image"):
                    logger.log_image(f"attention/example-{index}", picture.png, self.trainer.global_step)


def _reads(metric: nn.Module) -> str:
    """What a metric is fed."""
    return str(getattr(metric, "reads", "text"))
