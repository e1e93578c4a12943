"""What metrics have computed, as numbers by name."""

from __future__ import annotations

from typing import Any

import torch
from torchmetrics import Metric

from zoo.errors import ConfigError


def numbers_of(key: str, name: str, metric: Metric) -> dict[str, float]:
    """What a metric has to say: one number, or those of its method `numbers`, by name."""
    parts = getattr(metric, "numbers", None)
    if parts is None:
        return {key: _number(name, metric.compute())}
    return {f"{key}/{part}": float(value) for part, value in parts(metric.compute()).items()}


def _number(name: str, value: Any) -> float:
    """A scalar without the digits that float32 does not have.

    Raises:
        ConfigError: the metric computes something else.
    """
    scalar = torch.as_tensor(value)
    if scalar.numel() != 1:
        raise ConfigError(f"metric={name}", f"computes {scalar.numel()} values", "a metric of a run is one number")
    return float(scalar) if scalar.dtype == torch.float64 else float(f"{float(scalar):.7g}")
