"""The training loss, exact over examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class TrainingSums:
    """Loss times examples, and examples, since the last log (`window`) and since the epoch began (`epoch`).

    Args:
        power: of the loss, whose mean over batches is that of its power, and the root of it; of each term of a sum.
    """

    def __init__(self, power: int | Sequence[int] = 1) -> None:
        self.power = power
        self._sums: dict[str, Tensor] = {}
        self.logged_at = 0

    def add(self, loss: Tensor, examples: Tensor | int) -> None:
        """Count one batch: its loss, (), or the terms of it, (K,). No synchronisation with a device happens here."""
        count = torch.as_tensor(examples, dtype=torch.float64, device=loss.device)
        power = torch.as_tensor(self.power, device=loss.device)
        pair = torch.stack([loss.double() ** power * count, count])
        for name in ("window", "epoch"):
            self._sums[name] = self._sums[name] + pair if name in self._sums else pair

    def take(self, name: str) -> Tensor:
        """The sum and the count, (2,) or (2, K); both start at zero again."""
        return self._sums.pop(name, torch.zeros(2, dtype=torch.float64))

    def state_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"sums": {name: pair.cpu() for name, pair in self._sums.items()}, "logged_at": self.logged_at}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self._sums = dict(state["sums"])
        self.logged_at = state["logged_at"]
