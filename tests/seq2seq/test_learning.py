"""Every preset learns to copy and to reverse, from several random seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo

SMALL = [
    *("data.max_length=6", "data.train=3000", "model.embedding_size=64", "model.decoder_size=128", "model.dropout=0"),
    *("optimizer.lr=0.004", "schedule=warmup", "trainer.max_epochs=7", "trainer.gradient_clip_val=1"),
    *("trainer.enable_progress_bar=false", "logger=null", "report=false", "task=seq2seq", "task.heatmaps=0"),
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("data", ["copy", "reverse"])
@pytest.mark.parametrize("preset", ["bahdanau", "luong", "local"])
def test_copy_and_reverse_are_learned(preset: str, data: str, seed: int, tmp_path: Path) -> None:
    run = zoo.train(zoo.compose([f"model={preset}", f"data={data}", f"seed={seed}", *SMALL]), tmp_path / "run")
    assert run.metrics["test/exact_match"] >= 0.99
