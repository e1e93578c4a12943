"""Whatever a trainer tells its ranks through the environment is gone when it has worked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import distributed

import zoo
from zoo.harness.evaluation import evaluate
from zoo.harness.soup import soup

DDP = "trainer.strategy=ddp"
TELLING = (
    "LOCAL_RANK",
    "NODE_RANK",
    "WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "ZOO_RUN_FOLDER",
    "ZOO_RUN_CHECKPOINT",
)


@pytest.mark.slow
def test_no_trainer_leaves_its_address_and_rank_to_the_next(
    composed: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """The next one would take itself for a rank that somebody else has started, and wait for the others."""
    words = ("task=classification", "task.calibrate=temperature", "data.seed=0", "trainer.max_epochs=1", DDP)
    runs = [zoo.train(composed(*words, f"seed={seed}"), tmp_path / str(seed)).dir for seed in (0, 1)]
    assert not set(TELLING) & set(os.environ)
    evaluate(str(runs[0]), {"trainer.devices": 1})
    assert not set(TELLING) & set(os.environ)
    soup(runs, tmp_path / "soup", "uniform")
    assert not set(TELLING) & set(os.environ)
    assert not distributed.is_initialized()
