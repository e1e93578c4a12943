"""Rows as tensors, a whole batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

Batch = tuple[Tensor, Tensor] | Tensor
Anything = TypeVar("Anything")


class TableDataset(Dataset[Batch]):
    """Rows of a matrix of inputs, with or without targets.

    Args:
        inputs: float32 (N, F).
        targets: (N,) or (N, T); None for prediction.
        rows: which rows belong to this set, int64 (n,); None: all.
    """

    def __init__(self, inputs: Tensor, targets: Tensor | None = None, rows: Tensor | None = None) -> None:
        self.inputs, self.targets, self.rows = inputs, targets, rows

    def __len__(self) -> int:
        return len(self.inputs if self.rows is None else self.rows)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """A batch (B, F), with its targets (B,) or (B, T) where there are targets."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        if self.rows is not None:
            chosen = self.rows[chosen]
        inputs = self.inputs.index_select(0, chosen)
        return inputs if self.targets is None else (inputs, self.targets.index_select(0, chosen))

    def __getitem__(self, index: int) -> Batch:
        """One row (F,), with its target."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        row = index if self.rows is None else int(self.rows[index])
        return self.inputs[row] if self.targets is None else (self.inputs[row], self.targets[row])

    @staticmethod
    def collate(batch: Anything) -> Anything:
        """The batch as it is: `__getitems__` has already made one of it."""
        return batch
