"""Embeddings: vectors in which examples of one class are near each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import Metric

from zoo.tasks.course import OptimizerFactory, ScheduleFactory
from zoo.tasks.task import Task


class Embedding(Task):
    """Places examples of one class near each other, as losses over pairs and triplets ask for.

    What is learned is a vector for an example, of which distances alone mean anything: for classes that are not known
    yet, for search, for groups. Validated by the share of examples whose nearest neighbour is of their class.

    Args:
        model: inputs to embeddings, (B, D).
        loss: takes embeddings (B, D) and classes (B,).
        optimizer: builds the optimizer.
        schedule: builds the schedule.
        metrics: metric by name; they get embeddings and classes.
        facts: of the data: `problem`, `class_names`, ...
        dimensions: D.
        normalise: whether embeddings have a length of one, as in Schroff, Kalenichenko & Philbin (2015), section 3.1.
    """

    problems = ("binary", "multiclass")
    reads_as = "classification"
    #: What losses and metrics must be made for.
    predicts = "embedding"
    #: The option that is the width of a prediction.
    width_option = "dimensions"

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerFactory | None,
        schedule: ScheduleFactory | None,
        metrics: Mapping[str, Metric],
        facts: Mapping[str, Any],
        dimensions: Annotated[int, Ge(1)] = 32,
        normalise: bool = False,
    ) -> None:
        super().__init__(model, loss, optimizer, schedule, metrics, facts)
        self.dimensions, self.normalise = dimensions, normalise

    @staticmethod
    def default_loss(facts: Mapping[str, Any]) -> str:
        """That of the farthest of a class and the nearest of another."""
        return "triplet"

    @staticmethod
    def default_metrics(facts: Mapping[str, Any]) -> list[str]:
        """Of the nearest neighbour."""
        return ["recall_at_k"]

    def outputs(self, prediction: Tensor) -> Tensor:
        """Embeddings, (B, D), float32, with a length of one where that is asked for."""
        return functional.normalize(prediction.float(), dim=1) if self.normalise else prediction.float()

    def loss_of(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of embeddings."""
        return super().loss_of(self.outputs(prediction), target)

    def metric_inputs(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings and classes."""
        return self.outputs(prediction), target

    def rows(self, outputs: Tensor) -> list[dict[str, Any]]:
        """One column a dimension."""
        names = [f"embedding({place})" for place in range(outputs.shape[1])]
        return [dict(zip(names, values, strict=True)) for values in outputs.tolist()]
