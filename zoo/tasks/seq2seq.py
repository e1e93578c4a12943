"""Sequence to sequence: teacher-forced training, and search over what the model has learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

from annotated_types import Ge
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.utils.data.dataloader import default_collate
from torchmetrics import Metric

from zoo.errors import ConfigError
from zoo.report.alignment import heatmap
from zoo.seq2seq.search import DecodeOptions, Hypothesis
from zoo.tasks.course import OptimizerFactory, ScheduleFactory
from zoo.tasks.rendering import Rendering, Shown, picture_of
from zoo.tasks.task import Task
from zoo.tasks.translator import SpecialIds, Translator, real_logits

#: What a search asks of a model.
STEPS = ("encode", "start", "step")
#: Of how many tested examples attention is kept at most, spread evenly over the split.
DRAWN = 64


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
        heatmaps: validation examples whose attention is drawn after each validation: how many, or which, from 0 on.

    Raises:
        ConfigError: the model cannot go step by step; `decode` asks for phrases, and the data know nothing of them; a
            heatmap of no example.
        DataError: a phrase that must appear has tokens that are not in the vocabulary.
    """

    problems = ("seq2seq",)
    #: Its training step adds penalties.
    adds_penalties = True
    #: Whether the group `decode` is of use.
    generates = True
    #: The column that is a prediction's whole text.
    text_column = "prediction"
    #: The attention of one of `predictions`, as a PNG file.
    picture_of = staticmethod(picture_of)

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
        heatmaps: Annotated[int, Ge(0)] | list[int] = 2,
    ) -> None:
        super().__init__(model, loss, optimizer, schedule, metrics, facts)
        if lacking := [name for name in STEPS if not callable(getattr(model, name, None))]:
            problem = f"{type(model).__name__} has no method {' and no '.join(lacking)}"
            raise ConfigError("model", problem, f"a model for sequences has {', '.join(STEPS)} (docs/plugins.md)")
        ids = SpecialIds(
            begin_id=int(facts["begin_id"]),
            end_id=int(facts["end_id"]),
            padding_id=int(facts["padding_id"]),
            unknown_id=int(facts["unknown_id"]),
        )
        self.data = data
        self.ids = ids
        self.translator = Translator(model, data, ids)
        self.rendering = Rendering(data, ids["padding_id"], ids["unknown_id"])
        self.decode = decode
        self.heatmaps = _chosen(heatmaps, facts.get("examples", {}).get("val"))

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

    @property
    def decode(self) -> DecodeOptions:
        """How testing and prediction search."""
        return self._decode

    @decode.setter
    def decode(self, options: DecodeOptions) -> None:
        self.translator.phrases([0], options)
        self._decode = options

    def join(self, others: Sequence[SequenceToSequence]) -> None:
        """Evaluate and predict as an ensemble with other tasks, whose target vocabulary is the same."""
        self.translator.companions = [other.translator for other in others]

    # -- training --------------------------------------------------------------------------------------------------

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Lightning's hook: the loss of one batch, a mean over its tokens."""
        inputs, target = batch[:2]
        real = target != self.ids["padding_id"]
        tokens = target[real]
        terms = self.loss_terms(real_logits(self.model(**inputs), real), tokens)
        self.count(terms, self.loss_count(tokens))
        return self.penalised(self.total(terms))

    # -- evaluation ------------------------------------------------------------------------------------------------

    def on_test_epoch_start(self) -> None:
        """Lightning's hook: the other models of an ensemble go where this one is."""
        super().on_test_epoch_start()
        for one in self.translator.companions:
            one.model.to(self.device)

    def _evaluate(self, batch: Any, split: str) -> None:
        inputs, target, examples = batch
        if len(target) == 0:
            return
        source, places = inputs["source"], examples.tolist()
        own_split = str(getattr(self.trainer.datamodule, "test_split", "test")) if split == "test" else split  # type: ignore[attr-defined]
        texts = self.translator.written(own_split, source, places)
        real = target != self.ids["padding_id"]
        tokens = target[real]
        logits, weights = self.translator.teacher_forced(inputs, real, texts)
        cast(Metric, self.example_losses[split]).update(self.loss_terms(logits, tokens), self.loss_count(tokens))
        metrics = cast("list[Metric]", list(cast(nn.ModuleDict, self.example_metrics[split]).values()))
        for metric in metrics:
            if _reads(metric) == "logits":
                metric.update(logits.float(), tokens)
            elif _reads(metric) == "weights" and weights is not None:
                metric.update(weights, real)
        keeps = split == "test" and self.keep_tested
        readers = [metric for metric in metrics if _reads(metric) == "text"]
        if not readers and not keeps:
            return
        options = self.decode if split == "test" else self.decode.greedy()
        shown = self._shown(source, texts)
        found = [ranked[0] for ranked in self._search(source, options, places, texts)]
        predicted = [self._text(best, one) for best, one in zip(found, shown, strict=True)]
        right = self.data.references(own_split)
        references = [right[place] for place in places]
        for metric in readers:
            metric.update(predicted, references)
        if keeps:
            every = max(1, math.ceil(len(self.data.dataset(own_split)) / DRAWN))
            for place, *parts in zip(places, shown, found, predicted, references, strict=True):
                example = self.rendering.example(*parts, place=place, drawn=place % every == 0)
                self.tested.append(example)  # type: ignore[arg-type]

    def on_validation_epoch_end(self) -> None:
        """Lightning's hook: metrics over all examples, schedules that watch them, and pictures of some."""
        super().on_validation_epoch_end()
        if (
            self.trainer.state.fn == TrainerFn.FITTING
            and self.trainer.is_global_zero
            and not self.trainer.sanity_checking
        ):
            self._draw_heatmaps()

    # -- prediction ------------------------------------------------------------------------------------------------

    def _search(
        self, source: Tensor, options: DecodeOptions, examples: Sequence[int], texts: Sequence[str | None]
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each source, best first."""
        phrases = self.translator.phrases(examples, options)
        return self.translator.translate(source, options, phrases, texts=texts, examples=examples)

    def _shown(self, source: Tensor, texts: Sequence[str | None]) -> list[Shown]:
        return [self.rendering.source(row, text) for row, text in zip(source, texts, strict=True)]

    def _text(self, hypothesis: Hypothesis, source: Shown) -> str:
        return self.rendering.text(hypothesis, source, replace_unknown=self.decode.replace_unknown)

    def predictions(self, batch: Any) -> list[dict[str, Any]]:
        """One record a source: the best text with its score, and every hypothesis with tokens and alignment."""
        return [
            self.rendering.record(source, ranked, [self._text(one, source) for one in ranked])
            for source, ranked in self._answers(batch)
        ]

    def summaries(self, batch: Any) -> list[dict[str, Any]]:
        """One record a source: the best text with its score alone."""
        return [
            self.rendering.summary(source, ranked[0], self._text(ranked[0], source))
            for source, ranked in self._answers(batch)
        ]

    def _answers(self, batch: Any) -> list[tuple[Shown, list[Hypothesis]]]:
        """The sources that were read, with the hypotheses of each."""
        inputs, _, examples = batch
        source, places = inputs["source"], examples.tolist()
        texts = self.translator.written(None, source, places)
        found = self._search(source, self.decode, places, texts)
        return list(zip(self._shown(source, texts), found, strict=True))

    def scores(self, batch: Any) -> list[dict[str, Any]]:
        """One record a pair: how probable the target is, given the source."""
        inputs, target, examples = batch
        source, places = inputs["source"], examples.tolist()
        texts = self.translator.written(None, source, places)
        found = self.translator.score(source, target, self.decode, texts=texts, examples=places)
        return [self.rendering.scored(*parts) for parts in zip(self._shown(source, texts), found, strict=True)]

    # -- pictures --------------------------------------------------------------------------------------------------

    def _draw_heatmaps(self) -> None:
        """The same few validation examples each time, as files and in TensorBoard."""
        dataset = self.data.dataset("val")
        chosen = [place for place in self.heatmaps if place < len(dataset)]
        if not chosen:
            return
        fetch = getattr(dataset, "__getitems__", None)
        collate = getattr(self.data, "collate", default_collate)
        inputs, _, _ = collate(fetch(chosen) if fetch else [dataset[place] for place in chosen])
        source = inputs["source"].to(self.device)
        texts = self.translator.written("val", source, chosen)
        right = self.data.references("val")
        found = self._search(source, self.decode.greedy(), chosen, texts)
        step = self.trainer.global_step
        folder = Path(self.trainer.default_root_dir) / "pictures" / "validation"
        for place, shown, (best, *_) in zip(chosen, self._shown(source, texts), found, strict=True):
            one = self.rendering.example(shown, best, self._text(best, shown), right[place])
            if one.weights is None:
                continue
            title = f"{one.predicted}  (step {step:,})"
            picture = heatmap(one.weights, one.source_tokens, one.predicted_tokens, title)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"example-{place}-step-{step:06d}.png").write_bytes(picture.png)
            for logger in self.loggers:
                if hasattr(logger, "log_image"):
                    logger.log_image(f"attention/example-{place}", picture.png, step)


def _chosen(heatmaps: int | list[int], examples: int | None) -> list[int]:
    """The validation examples to draw.

    Raises:
        ConfigError: one of them does not exist.
    """
    if isinstance(heatmaps, int):
        return list(range(heatmaps))
    for place in heatmaps:
        if place < 0 or (examples is not None and place >= examples):
            there = "" if examples is None else f" of {examples}, which are counted from 0"
            raise ConfigError("task.heatmaps", f"there is no validation example {place}{there}", "choose others")
    return heatmaps


def _reads(metric: nn.Module) -> str:
    """What a metric is fed."""
    return str(getattr(metric, "reads", "text"))
