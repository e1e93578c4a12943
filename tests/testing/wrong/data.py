"""Right data, and data with one fault each."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Rows:
    """Rows of tensors."""

    def __init__(self, inputs: Tensor, targets: Tensor | None = None) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitems__(self, indices: list[int]) -> Any:
        return self.inputs[indices] if self.targets is None else (self.inputs[indices], self.targets[indices])


class Right:
    """Points of two clouds, standardised."""

    def __init__(self, examples: int = 60, seed: int = 0, batch_size: int = 8, num_workers: int = 0) -> None:
        self.examples, self.seed, self.batch_size, self.num_workers = examples, seed, batch_size, num_workers
        self.mean: list[float] | None = None
        self.rows: dict[str, Rows] = {}

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def cuts(self) -> tuple[slice, slice, slice]:
        n = self.examples
        return slice(0, n // 2), slice(n // 2, 3 * n // 4), slice(3 * n // 4, n)

    def setup(self) -> None:
        if self.rows:
            return
        random = self.generator()
        targets = torch.arange(self.examples) % 2
        inputs = torch.from_numpy(random.normal(size=(self.examples, 2)).astype(np.float32)) + targets.unsqueeze(1)
        train, val, test = self.cuts()
        self.mean = inputs[train].mean(0).tolist()
        self.rows = {"all": Rows(self.scaled(inputs), targets)}
        for name, cut in (("train", train), ("val", val), ("test", test)):
            self.rows[name] = Rows(self.scaled(inputs[cut]), targets[cut])

    def scaled(self, inputs: Tensor) -> Tensor:
        return inputs - torch.tensor(self.mean)

    @property
    def facts(self) -> dict[str, Any]:
        sizes = [len(range(self.examples)[cut]) for cut in self.cuts()]
        return {
            "problem": "binary",
            "in_features": 2,
            "num_classes": 2,
            "class_names": ["left", "right"],
            "examples": dict(zip(("train", "val", "test"), sizes, strict=True)),
        }

    def dataset(self, split: str) -> Rows:
        return self.rows[split]

    def read(self, source: str | Path) -> Rows:
        return Rows(self.scaled(torch.from_numpy(np.loadtxt(source, dtype=np.float32, ndmin=2))))

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.mean = state["mean"]

    @staticmethod
    def collate(batch: Any) -> Any:
        return batch


class HidesBatchSize(Right):
    def __init__(self, seed: int = 0, batch_size: int = 8) -> None:
        super().__init__(seed=seed)
        self.batch_size = str(batch_size)  # type: ignore[assignment]


class KnowsNumPyFacts(Right):
    @property
    def facts(self) -> dict[str, Any]:
        return {**super().facts, "in_features": np.int64(2)}


class ForgetsClassNames(Right):
    @property
    def facts(self) -> dict[str, Any]:
        facts = super().facts
        del facts["class_names"]
        return facts


class HasFloatClasses(Right):
    def dataset(self, split: str) -> Rows:
        rows = super().dataset(split)
        return Rows(rows.inputs, rows.targets.float())


class NormalisesBatch(Right):
    @staticmethod
    def collate(batch: Any) -> Any:
        return (batch[0] - batch[0].mean(0), batch[1]) if isinstance(batch, tuple) else batch


class TestsOnTraining(Right):
    def cuts(self) -> tuple[slice, slice, slice]:
        train, val, _ = super().cuts()
        return train, val, slice(self.examples // 2 - 5, self.examples // 2 + 5)


class IgnoresSeed(Right):
    def generator(self) -> np.random.Generator:
        return np.random.default_rng()


class SavesArrays(Right):
    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean, "scale": np.ones(2)}


class ForgetsItsMean(Right):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.loaded = True

    def scaled(self, inputs: Tensor) -> Tensor:
        return inputs if hasattr(self, "loaded") else super().scaled(inputs)
