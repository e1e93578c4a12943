"""Small runs, and ways to compare them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.harness.run import Run
from zoo.testing.nested import difference

SMALL = (
    "data=iris",
    "data.batch_size=25",
    "model.width=8",
    "logger=csv",
    "report=false",
    "trainer.accelerator=cpu",
    "trainer.devices=1",
    "trainer.max_epochs=3",
    "trainer.enable_progress_bar=false",
)


@pytest.fixture
def composed() -> Callable[..., dict[str, Any]]:
    """The configuration of a small network on the 150 irises (105 to train on); overrides win."""

    def compose(*overrides: str) -> dict[str, Any]:
        return zoo.compose(list({word.split("=")[0]: word for word in (*SMALL, *overrides)}.values()))

    return compose


@pytest.fixture
def train(tmp_path: Path, composed: Callable[..., dict[str, Any]]) -> Callable[..., Run]:
    """Train that network."""

    def trained(*overrides: str, folder: str = "run") -> Run:
        return zoo.train(composed(*overrides), tmp_path / folder)

    return trained


@pytest.fixture
def checkpoint() -> Callable[..., dict[str, Any]]:
    """A checkpoint of a run, as torch alone reads it."""

    def read(folder: Path, name: str = "last") -> dict[str, Any]:
        content: dict[str, Any] = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)
        return content

    return read


@pytest.fixture
def results() -> Callable[[Path], dict[str, float]]:
    """A run's final metrics without the one that is a matter of the clock."""

    def read(folder: Path) -> dict[str, float]:
        metrics: dict[str, float] = json.loads((folder / "metrics.json").read_text())
        assert metrics.pop("train/seconds") >= 0
        return metrics

    return read


@pytest.fixture
def assert_same_end(
    checkpoint: Callable[..., dict[str, Any]], results: Callable[[Path], dict[str, float]]
) -> Callable[..., None]:
    """Two runs ended in the same place: every bit of weights, optimizer, schedule, random state, logs, metrics."""

    def compare(one: Path, other: Path) -> None:
        for name in ("last", "best"):
            assert difference(checkpoint(one, name), checkpoint(other, name), name) is None
        assert results(one) == results(other)
        assert (one / "logs" / "metrics.csv").read_text() == (other / "logs" / "metrics.csv").read_text()

    return compare
