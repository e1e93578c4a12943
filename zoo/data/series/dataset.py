"""Windows of series, with what followed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from zoo.data.series.naive import naive, seasonal_naive

Scaling = Literal["mean", "max", "last", "none"]
Inputs = dict[str, Tensor]
Batch = tuple[Inputs, Tensor] | Inputs


class WindowDataset(Dataset[Batch]):
    """One window of each series, or several drawn anew in every epoch.

    A window is divided by its level; the model sees it so, and adds to what stood `base` steps before. Inputs are
    `window` (B, W) and `base` (B, H), both divided by the level, and `level` (B, 1). Targets are (B, H, 2): values in
    original units, and beside each what MASE divides by.

    Args:
        names: of the series.
        series: their values.
        ends: where the known part of each ends, as a count of values.
        scales: what MASE divides by, of each.
        window: W.
        horizon: H.
        base: steps back to what the model adds to; 0: it adds to nothing.
        scaling: what the level is: the mean or the greatest of |y| over the last `base` steps of the window (or all),
            its last value, or 1.
        drawn: windows of each series in an epoch, which end anywhere that leaves room for a horizon; 0: one, at `ends`.
        seed: of the draws.
        known: whether what follows is known: prediction has no targets.
    """

    def __init__(
        self,
        names: Sequence[str],
        series: Sequence[NDArray[np.float64]],
        ends: Sequence[int],
        scales: Sequence[float],
        *,
        window: int,
        horizon: int,
        base: int,
        scaling: Scaling,
        drawn: int = 0,
        seed: int = 0,
        known: bool = True,
    ) -> None:
        self.names, self.series, self.ends, self.scales = list(names), list(series), list(ends), list(scales)
        self.window, self.horizon, self.base, self.scaling = window, horizon, base, scaling
        self.drawn, self.seed, self.known = drawn, seed, known

    def __len__(self) -> int:
        return len(self.series) * max(1, self.drawn)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A batch; indices of training know their epoch (`IndexList`)."""
        chosen = [index % len(self.series) for index in indices]
        ends = [self.ends[one] for one in chosen]
        if self.drawn:
            draw = np.random.default_rng([self.seed, int(getattr(indices, "epoch", 0))]).random(len(self))
            first = self.window
            ends = [
                first + int(draw[index] * (end - self.horizon - first + 1))
                for index, end in zip(indices, ends, strict=True)
            ]
        windows = np.stack([self.series[one][end - self.window : end] for one, end in zip(chosen, ends, strict=True)])
        levels = self._levels(windows)
        base = np.zeros((len(chosen), self.horizon))
        if self.base:
            base = np.stack([np.resize(row[-self.base :], self.horizon) for row in windows])
        inputs = {
            "window": torch.from_numpy((windows / levels).astype(np.float32)),
            "base": torch.from_numpy((base / levels).astype(np.float32)),
            "level": torch.from_numpy(levels.astype(np.float32)),
        }
        if not self.known:
            return inputs
        after = [self.series[one][end : end + self.horizon] for one, end in zip(chosen, ends, strict=True)]
        scales = np.array([self.scales[one] for one in chosen])[:, None].repeat(self.horizon, 1)
        return inputs, torch.from_numpy(np.stack([np.stack(after), scales], -1).astype(np.float32))

    def __getitem__(self, index: int) -> Batch:
        """One window, with what followed it."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        batch = self.__getitems__([index % len(self)])
        if isinstance(batch, tuple):
            return {name: value[0] for name, value in batch[0].items()}, batch[1][0]
        return {name: value[0] for name, value in batch.items()}

    def histories(self) -> list[NDArray[np.float64]]:
        """What is known of each series, where one window ends at its end."""
        return [values[:end] for values, end in zip(self.series, self.ends, strict=True)]

    def naive_forecasts(self, season: int) -> dict[str, NDArray[np.float64]]:
        """Forecasts of each series that need no model, (N, H), by name."""
        known = self.histories()
        return {
            "seasonal naive": np.stack([seasonal_naive(one, self.horizon, season) for one in known]),
            "naive": np.stack([naive(one, self.horizon) for one in known]),
        }

    def identity(self, index: int) -> Mapping[str, Any]:
        """What tells a row of predictions from the others."""
        return {"series": self.names[index]}

    def _levels(self, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """(B, 1), never zero."""
        if self.scaling == "none":
            return np.ones((len(windows), 1))
        size = np.abs(windows[:, -(self.base or self.window) :])
        found = {"mean": size.mean(1), "max": size.max(1), "last": size[:, -1]}[self.scaling][:, None]
        return np.where(found > 0, found, 1.0)
