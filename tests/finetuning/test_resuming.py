"""A fine-tuning that was killed anywhere, at a phase's edge or within one, ends where an uninterrupted one ends."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.harness.training import resume
from zoo.testing.nested import difference

EVERY_STEP = "checkpoint.every_n_steps=1"
PHASES = (
    "[{epochs: 1, train: head, lr: 0.01}, {epochs: 1, train: [layer2, head]}, "
    "{epochs: 1, train: all, optimizer: {name: lookahead, k: 2}, schedule: cosine}, {train: head, lr: 0.002}]"
)
SETTINGS = {
    "one stage after the other, cosine, L2-SP, two validations an epoch": (
        "finetune=gradual",
        "finetune.factor=0.5",
        "finetune.l2_sp=0.1",
        "finetune.l2_sp_head=0.01",
        "schedule=cosine",
        "trainer.val_check_interval=1",
    ),
    "all after an epoch, momentum, plateau, accumulated gradients": (
        "finetune=full",
        "finetune.batch_norm=train",
        "optimizer=momentum",
        "schedule=plateau",
        "schedule.patience=0",
        "data.batch_size=4",
        "trainer.accumulate_grad_batches=2",
    ),
    "phases with optimizers and schedules of their own, the last freezes again": (
        "finetune=schedule",
        f"finetune.phases={PHASES}",
        "optimizer=sgd",
        "optimizer.momentum=0.9",
        "schedule=warmup",
    ),
    "frozen again under a mean of weights": (
        "finetune=schedule",
        "finetune.phases=[{epochs: 2, train: all}, {train: head}]",
        "optimizer=schedule_free",
        "optimizer.lr=0.01",
    ),
    "a moving mean and a mean of epochs": ("finetune=gradual", "callback=[ema,swa]", "callback.swa.start=1"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_resumed_after_a_kill_at_any_step_equals_uninterrupted(
    setting: str,
    train: Callable[..., Any],
    killed_at: list[Path],
    checkpoint: Callable[..., dict[str, Any]],
    assert_same_end: Callable[..., None],
) -> None:
    whole = train(*SETTINGS[setting], EVERY_STEP)
    steps = {checkpoint(folder)["global_step"]: folder for folder in killed_at if _has_checkpoint(folder)}
    assert list(steps) == list(range(1, 12))
    for folder in steps.values():
        resume(folder)
        assert_same_end(whole.dir, folder)


def _has_checkpoint(folder: Path) -> bool:
    return (folder / "checkpoints" / "last.ckpt").exists()


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_finished_fine_tuning_that_goes_on_into_the_next_phase_equals_a_longer_one(
    epochs: int, train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    words = ("finetune=schedule", f"finetune.phases={PHASES.replace('schedule: cosine', 'schedule: step')}")
    short = train(*words, f"trainer.max_epochs={epochs}", folder="short")
    resume(short.dir, {"trainer.max_epochs": 4})
    whole = train(*words, folder="whole")
    for part in ("state_dict", "optimizer_states", "finetuning", "zoo"):
        assert difference(checkpoint(whole.dir)[part], checkpoint(short.dir)[part], part) is None


def test_the_phases_of_that_run_do_differ(train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]) -> None:
    """Otherwise resuming across them would show nothing."""
    run = train("finetune=schedule", f"finetune.phases={PHASES}", "checkpoint.keep=99")
    weights = []
    for path in sorted((run.dir / "checkpoints" / "kept").glob("*.ckpt")):
        content = torch.load(path, weights_only=True)["state_dict"]
        weights.append({stage: content[f"model.backbone.{stage}.0.weight"] for stage in ("layer1", "layer2")})
    moved = [
        {stage for stage in later if not torch.equal(before[stage], later[stage])}
        for before, later in pairwise(weights)
    ]
    assert moved == [{"layer2"}, {"layer1", "layer2"}, set()]
    assert checkpoint(run.dir)["optimizer_states"][0]["turn"] == 1


def test_a_resumed_fine_tuning_needs_no_file_of_weights(
    train: Callable[..., Any], killed_at: list[Path], tmp_path: Path, model: Any, assert_same_end: Callable[..., None]
) -> None:
    file = tmp_path / "start.pt"
    torch.save(model.backbone.state_dict(), file)
    whole = train("finetune=full", "finetune.l2_sp=0.1", f"model.weights={file}", EVERY_STEP)
    file.unlink()
    for folder in (killed_at[2], killed_at[8]):
        resume(folder)
        assert_same_end(whole.dir, folder)
