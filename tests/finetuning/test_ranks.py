"""Two processes stay equal across unfreezing, and a resumed pair too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.testing.nested import difference

WORDS = (
    "data=squares",
    "model=tiny",
    "finetune=gradual",
    "finetune.factor=0.5",
    "optimizer.lr=0.01",
    "schedule=constant",
    "logger=[]",
    "report=false",
    "trainer.accelerator=cpu",
    "trainer.devices=2",
    "trainer.strategy=ddp",
    "trainer.max_epochs=4",
)


@pytest.mark.slow
def test_ranks_are_equal_after_unfreezing_and_after_resuming(
    tiny_plugin: Any, run_python: Callable[..., Any], tmp_path: Path
) -> None:
    """Each rank's weights after each epoch; gradients of an unfrozen stage that were not exchanged would differ."""

    def run(*words: str) -> list[str]:
        """What the ranks say, which is the same."""
        done = run_python("-m", "zoo.train", *words, plugins=[tiny_plugin])
        assert done.returncode == 0, done.stderr
        files = [tmp_path / f"rank-{rank}.txt" for rank in (0, 1)]
        first, second = (file.read_text().splitlines() for file in files)
        for file in files:
            file.unlink()
        assert first == second
        return first

    words = (*WORDS, "callback=digests", f"callback.digests.folder={tmp_path}")
    whole = run(*words, f"hydra.run.dir={tmp_path / 'whole'}")
    assert len(set(whole)) == 4
    short = run(*words, f"hydra.run.dir={tmp_path / 'short'}", "trainer.max_epochs=2")
    assert short + run(f"resume={tmp_path / 'short'}", "trainer.max_epochs=4") == whole
    ends = [torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("whole", "short")]
    for part in ("state_dict", "optimizer_states"):
        assert difference(ends[0][part], ends[1][part], part) is None
