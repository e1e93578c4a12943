"""Forecasting: the next values of a series from a window of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.tasks.task import Task


class Forecast(Task):
    """Forecasts in original units, (B, H), of windows that data have divided by their level.

    The model sees a window and predicts what is added to an earlier season, in units of the level. Losses and metrics
    whose `units` are original, such as percentages, see values as they are; others see them divided by what the
    seasonal naive forecast errs within the series, so that no series outweighs the others.

    Args:
        model: windows (B, W) to values (B, H).
        loss: takes values and targets, (B, H) each; or targets (B, H, 2) with their scales, if it reads them.
        optimizer: builds the optimizer.
        schedule: builds the schedule.
        metrics: metric by name; they get values in original units.
        facts: of the data: `target_names`, ...
    """

    problems = ("forecast",)
    reads_as = "forecast"

    @staticmethod
    def default_loss(facts: Mapping[str, Any]) -> str:
        """What forecasts are compared by, whatever their signs."""
        return "mase"

    @staticmethod
    def default_metrics(facts: Mapping[str, Any]) -> list[str]:
        """Those of the M4 competition."""
        return ["smape", "mase"]

    @staticmethod
    def out_features(facts: Mapping[str, Any], loss: nn.Module) -> int:
        """One value a step."""
        return len(facts["target_names"])

    def model_inputs(self, inputs: Any) -> Any:
        """The window alone."""
        return inputs["window"]

    def predict_from(self, inputs: Any) -> Tensor:
        """Values in original units, (B, H)."""
        change = cast(Tensor, self.model(self.model_inputs(inputs))).float()
        values: Tensor = (inputs["base"] + change) * inputs["level"]
        return values

    def loss_of(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss in original units, or in those of the seasonal naive forecast's error."""
        if getattr(self.loss, "reads_scale", False):
            return super().loss_of(prediction, target)
        values, scales = target.unbind(-1)
        if getattr(self.loss, "units", "standardised") == "original":
            return super().loss_of(prediction, values)
        scales = scales.where(scales > 0, 1.0)
        return super().loss_of(prediction / scales, values / scales)

    def loss_count(self, target: Tensor) -> Tensor | int:
        """What the loss divides by."""
        return super().loss_count(target if getattr(self.loss, "reads_scale", False) else target[..., 0])

    def _update(self, metric: Any, prediction: Tensor, target: Tensor) -> None:
        """A metric that reads scales gets them."""
        metric.update(prediction, target if getattr(metric, "reads_scale", False) else target[..., 0])

    def rows(self, outputs: Tensor) -> list[dict[str, Any]]:
        """One column a step."""
        names = [f"prediction({name})" for name in self.facts["target_names"]]
        return [dict(zip(names, values, strict=True)) for values in outputs.tolist()]

    def predictions(self, batch: Any) -> list[dict[str, Any]]:
        """One record a series."""
        with torch.no_grad():
            return self.rows(self.predict_from(batch).cpu())
