"""Lightning's Trainer as the configuration wants it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.errors import ConfigError
from zoo.harness import lightning
from zoo.harness.lightning import build_callbacks, build_trainer, native_bf16, precision


def test_auto_is_bf16_where_it_is_native_and_fp32_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lightning, "native_bf16", lambda: True)
    assert precision("auto") == "bf16-mixed"
    monkeypatch.setattr(lightning, "native_bf16", lambda: False)
    assert precision("auto") == "32-true"
    assert precision("64-true") == "64-true"


@pytest.mark.parametrize(
    ("flags", "native"),
    [
        ("fpu avx512f avx512_bf16 sse", True),
        ("fpu amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f", False),
        ("", False),
    ],
)
def test_bf16_is_native_where_the_processor_says_so(flags: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"processor : 0\nflags\t\t: {flags}\n")
    assert native_bf16() is native


def test_a_machine_without_cpuinfo_has_no_native_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: Any, **options: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(Path, "read_text", missing)
    assert native_bf16() is False


def test_training_with_auto_precision_uses_what_it_resolves_to(
    train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.tasks.task import Task

    seen = set()
    loss_of = Task.loss_of

    def noted(task: Task, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if task._trainer is not None:  # a loss is tried once before, in full precision
            seen.add(prediction.dtype)
        return loss_of(task, prediction, target)

    monkeypatch.setattr(Task, "loss_of", noted)
    monkeypatch.setattr(lightning, "native_bf16", lambda: True)
    run = train("trainer.precision=auto", "trainer.max_epochs=1")
    assert seen == {torch.bfloat16}
    assert run.config["trainer"]["precision"] == "auto"
    assert all(value == value for value in run.metrics.values())


def test_options_that_lightning_refuses_are_the_user_s_to_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^trainer: "):
        build_trainer({"accelerator": "cpu", "devices": 1, "precision": "32", "fast_dev_run": -3}, folder=tmp_path)
    with pytest.raises(ConfigError, match=r"^trainer: "):
        build_trainer({"accelerator": "no such thing"}, folder=tmp_path)


def test_callbacks_watch_what_the_checkpoints_watch(composed: Callable[..., dict[str, Any]]) -> None:
    config = composed("callback=early_stopping", "checkpoint.monitor=val/f1", "checkpoint.mode=max")
    (callback,) = build_callbacks(config)
    assert (callback.monitor, callback.mode) == ("val/f1", "max")
    config = composed("callback=early_stopping", "callback.early_stopping.monitor=val/accuracy")
    (callback,) = build_callbacks(config)
    assert callback.monitor == "val/accuracy", "what the user sets wins"
