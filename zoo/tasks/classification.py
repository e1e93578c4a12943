"""Classification: one class of several, yes or no, or any number of labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt, Lt
from torch import Tensor, nn
from torchmetrics import Metric

from zoo.tasks.course import OptimizerFactory, ScheduleFactory
from zoo.tasks.task import Batch, Task


class Classification(Task):
    """Binary, multiclass and multilabel classification.

    The loss decides the form of the prediction: with a loss over class indices there is one logit a class (two
    for a binary problem), with a loss over indicators one logit a label (one for a binary problem).

    Args:
        model: inputs to logits.
        loss: takes logits and classes, or logits and indicators (its class attribute `target` says which).
        optimizer: builds the optimizer.
        schedule: builds the schedule.
        metrics: metric by name; they get probabilities and class indices.
        facts: of the data: `problem`, `num_classes`, `class_names`, ...
        threshold: probability above which a label counts as present, for `predict` and the report.
        calibrate: `temperature`: after training, logits are divided by one number that the validation split decides
            (Guo et al. 2017), so that probabilities come true; which class is most probable stays. `none`: they are
            not.
    """

    problems = ("binary", "multiclass", "multilabel")
    #: What data that can be read in several ways are told.
    reads_as = "classification"

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerFactory | None,
        schedule: ScheduleFactory | None,
        metrics: Mapping[str, Metric],
        facts: Mapping[str, Any],
        threshold: Annotated[float, Gt(0), Lt(1)] = 0.5,
        calibrate: Literal["none", "temperature"] = "none",
    ) -> None:
        super().__init__(model, loss, optimizer, schedule, metrics, facts)
        self.calibrate = calibrate
        self.temperature: Tensor | None
        self.register_buffer("temperature", torch.ones(()) if calibrate == "temperature" else None)
        #: Logits and targets of a validation, on this rank, where they are wanted.
        self.kept_logits: list[tuple[Tensor, Tensor]] | None = None
        #: How many classes a prediction names; 0: the most probable one, with the probability of every class.
        self.top = 0
        self.threshold = threshold
        self.problem = str(facts["problem"])
        self.target_form = target_form(loss, self.problem)

    @staticmethod
    def default_loss(facts: Mapping[str, Any]) -> str:
        """Cross-entropy over classes; for several labels, one binary cross-entropy each."""
        return "bce" if facts["problem"] == "multilabel" else "cross_entropy"

    @staticmethod
    def default_metrics(facts: Mapping[str, Any]) -> list[str]:
        """What most reports show."""
        return ["accuracy", "f1", "roc_auc"] if facts["problem"] == "binary" else ["accuracy", "f1"]

    @staticmethod
    def out_features(facts: Mapping[str, Any], loss: nn.Module) -> int:
        """One logit a class or a label; one in all for a binary problem with an indicator loss."""
        problem = str(facts["problem"])
        if problem == "multilabel":
            return int(facts["num_labels"])
        if problem == "binary" and target_form(loss, problem) == "indicator":
            return 1
        return int(facts["num_classes"])

    def predict_from(self, inputs: Any) -> Tensor:
        """The model's prediction; of pictures in several views, (B, V, C, H, W), that of their mean probabilities."""
        if not isinstance(inputs, Tensor) or inputs.dim() != 5:
            return super().predict_from(inputs)
        flat = super().predict_from(inputs.flatten(0, 1)).float()
        logits = flat.view(*inputs.shape[:2], *flat.shape[1:])
        if self.target_form == "class":
            return logits.log_softmax(-1).logsumexp(1) - math.log(inputs.shape[1])
        # The logit of a mean of probabilities, without a difference of numbers near one.
        positive, negative = (nn.functional.logsigmoid(one).logsumexp(1) for one in (logits, -logits))
        return positive - negative

    def loss_of(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss, with targets as indices (B,) or as indicators (B, K); or as shares of classes (B, C).

        Raises:
            ValueError: the loss takes no shares.
        """
        if self.problem != "multilabel" and target.is_floating_point():
            if not getattr(self.loss, "takes_shares", False):
                raise ValueError("takes no shares of classes, which data.mixup and data.cutmix make; leave them out")
            shares = target[:, 1:] if prediction.shape[1] == 1 else target
            return super().loss_of(
                prediction, shares.to(prediction.dtype) if self.target_form == "indicator" else target
            )
        if self.target_form == "indicator":
            if self.problem == "binary":
                target = target.unsqueeze(1)
            elif self.problem == "multiclass":
                target = nn.functional.one_hot(target, prediction.shape[1])
            target = target.to(prediction.dtype)
        return super().loss_of(prediction, target)

    def outputs(self, prediction: Tensor) -> Tensor:
        """Probabilities: (B, C) over classes, (B, L) one a label. Float32 whatever the precision."""
        logits = prediction.float()
        if self.temperature is not None:
            logits = logits / self.temperature
        if self.problem == "multilabel":
            return logits.sigmoid()
        if self.target_form == "indicator":
            positive = logits.sigmoid()
            return torch.cat([1 - positive, positive], dim=1) if self.problem == "binary" else positive
        return logits.softmax(dim=1)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Lightning's hook."""
        super().validation_step(batch, batch_idx)
        if self.kept_logits is not None and len(batch[1]):
            logits, target = self.predict_from(batch[0]).float(), batch[1]
            if self.problem == "binary" and logits.shape[1] == 1:
                target = target.unsqueeze(1)
            elif self.problem == "multiclass" and self.target_form == "indicator":
                target = nn.functional.one_hot(target, logits.shape[1])
            self.kept_logits.append((logits.cpu(), target.cpu()))

    def metric_inputs(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities, of class 1 alone where there are two, and integer targets."""
        probabilities = self.outputs(prediction)
        if self.problem == "binary":
            probabilities = probabilities[:, 1]
        return probabilities, target.long()

    def rows(self, outputs: Tensor) -> list[dict[str, Any]]:
        """`prediction`, `probability`, and the probability of every class or label by name; or the `top` best of them.

        Two classes are told apart, and labels are present, above `threshold`, as metrics have it.
        """
        names = [str(name) for name in self.facts.get("class_names", range(outputs.shape[1]))]
        columns = [f"p({name})" for name in names]
        table = []
        for values in outputs.tolist():
            every = dict(zip(columns, values, strict=True))
            if self.problem == "multilabel":
                present = [name for name, value in zip(names, values, strict=True) if value > self.threshold]
                table.append({"prediction": " ".join(present), **every})
                continue
            best = max(range(len(values)), key=values.__getitem__)
            if self.problem == "binary":
                best = int(values[1] > self.threshold)
            if self.top:
                every = {}
                ranked = [best, *(one for one in sorted(range(len(values)), key=lambda i: -values[i]) if one != best)]
                for rank, one in enumerate(ranked[1 : self.top], start=2):
                    every |= {f"prediction {rank}": names[one], f"probability {rank}": values[one]}
            table.append({"prediction": names[best], "probability": values[best], **every})
        return table


def target_form(loss: nn.Module, problem: str) -> str:
    """`class` for a loss over class indices, `indicator` for one over zeros and ones."""
    return str(getattr(loss, "target", "indicator" if problem == "multilabel" else "class"))
