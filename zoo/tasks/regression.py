"""Regression: one real target, or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from zoo.tasks.course import OptimizerFactory, ScheduleFactory
from zoo.tasks.task import Task


class Regression(Task):
    """Regression with one or many targets.

    The model predicts standardised targets (mean 0, deviation 1 on the training split); metrics and predictions
    are in original units. So are what a loss sees whose `units` are "original", such as percentages. A loss whose
    predictions are no values, such as log rates, says by `values` which they stand for.

    Args:
        model: inputs to values, (B, T).
        loss: takes values and targets, (B, T) each, standardised unless `scale_target` is off.
        optimizer: builds the optimizer.
        schedule: builds the schedule.
        metrics: metric by name; they get values in original units.
        facts: of the data: `target_names`, `target_mean`, `target_scale`, ...
        scale_target: whether the model learns standardised targets.
    """

    problems = ("regression",)
    #: What data that can be read in several ways are told.
    reads_as = "regression"

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerFactory | None,
        schedule: ScheduleFactory | None,
        metrics: Mapping[str, Metric],
        facts: Mapping[str, Any],
        scale_target: bool = True,
    ) -> None:
        super().__init__(model, loss, optimizer, schedule, metrics, facts)
        self._original = getattr(loss, "units", "standardised") == "original"
        self._values: Callable[[Tensor], Tensor] | None = getattr(loss, "values", None)
        if self._original and self._values is not None:
            scale_target = False
        mean, scale = facts["target_mean"], facts["target_scale"]
        targets = len(facts["target_names"])
        self.register_buffer("mean", torch.tensor(mean if scale_target else [0.0] * targets, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale if scale_target else [1.0] * targets, dtype=torch.float32))

    @staticmethod
    def default_loss(facts: Mapping[str, Any]) -> str:
        """Squared error."""
        return "mse"

    @staticmethod
    def default_metrics(facts: Mapping[str, Any]) -> list[str]:
        """What most reports show."""
        return ["rmse", "mae", "r2"]

    @staticmethod
    def out_features(facts: Mapping[str, Any], loss: nn.Module) -> int:
        """One value a target, or as many as the loss wants."""
        return len(facts["target_names"]) * int(getattr(loss, "outputs_per_target", 1))

    def loss_of(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss on standardised targets, or on values in original units."""
        if self._original:
            return super().loss_of(prediction.float() if self._values else self.outputs(prediction), target)
        return super().loss_of(prediction.float(), (target - self.mean) / self.scale)

    def outputs(self, prediction: Tensor) -> Tensor:
        """Values in original units, (B, T)."""
        values = prediction.float() if self._values is None else self._values(prediction.float())
        return values * self.scale + self.mean

    def metric_inputs(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Values and targets in original units."""
        return self.outputs(prediction), target

    def rows(self, outputs: Tensor) -> list[dict[str, Any]]:
        """One column a target: `prediction`, or `prediction(name)` where there are several."""
        names = [str(name) for name in self.facts["target_names"]]
        columns = ["prediction"] if len(names) == 1 else [f"prediction({name})" for name in names]
        return [dict(zip(columns, values, strict=True)) for values in outputs.tolist()]
