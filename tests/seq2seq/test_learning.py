"""Every preset learns to copy and to reverse, from whatever seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import zoo

SMALL = [
    *("data.max_length=8", "data.train=4000", "model.embedding_size=32", "model.decoder_size=64", "model.dropout=0"),
    *("optimizer.lr=0.01", "schedule=warmup", "trainer.max_epochs=8", "trainer.gradient_clip_val=1"),
    *("trainer.enable_progress_bar=false", "logger=null", "report=false", "task=seq2seq", "task.heatmaps=0"),
]


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("data", ["copy", "reverse"])
@pytest.mark.parametrize("preset", ["bahdanau", "luong", "local"])
def test_copy_and_reverse_are_learned_from_random_seeds(preset: str, data: str, attempt: int, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**31)
    run = zoo.train(zoo.compose([f"model={preset}", f"data={data}", f"seed={seed}", *SMALL]), tmp_path / "run")
    assert run.metrics["test/exact_match"] >= 0.99, f"seed={seed}"
