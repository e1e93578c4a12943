"""Forecasts that need no model, and how forecasts are scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def naive(history: Values, horizon: int) -> Values:
    """The last value, again and again, (horizon,)."""
    return np.full(horizon, history[-1])


def seasonal_naive(history: Values, horizon: int, season: int) -> Values:
    """The last season, again and again, (horizon,).

    Args:
        history: what is known, (n,), n at least a season.
        horizon: steps to forecast.
        season: m, steps in a season.
    """
    return np.resize(history[-season:], horizon)


def seasonal_scale(history: Values, season: int) -> float:
    """Mean |y_t - y_(t-m)| within a series: what MASE divides by; Hyndman & Koehler (2006), section 3."""
    return float(np.abs(history[season:] - history[:-season]).mean())


def scores(actual: Sequence[Values], forecast: Sequence[Values], scales: Sequence[float]) -> dict[str, float]:
    """sMAPE in per cent and MASE, each a mean over series, as the M4 competition counts them.

    Makridakis, Spiliotis & Assimakopoulos (2020), section 2.3. Series whose scale is zero have no MASE.
    """
    percent, scaled = [], []
    for y, f, scale in zip(actual, forecast, scales, strict=True):
        size = np.abs(y) + np.abs(f)
        percent.append(np.mean(200 * np.abs(y - f) / np.where(size > 0, size, 1)))
        if scale > 0:
            scaled.append(np.mean(np.abs(y - f)) / scale)
    return {"smape": float(np.mean(percent)), "mase": float(np.mean(scaled)) if scaled else float("nan")}
