"""The line that says how far training is."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from zoo.harness import progress
from zoo.harness.progress import Progress, clock


def trainer(**values: Any) -> Any:
    """As much of a Trainer as the line looks at: 10 epochs of 20 batches, 65 steps done."""
    known = {
        "num_training_batches": 20,
        "max_epochs": 10,
        "current_epoch": 3,
        "global_step": 65,
        "estimated_stepping_batches": 200,
        "callback_metrics": {"train/epoch_loss": torch.tensor(0.5), "val/loss": torch.tensor(0.25)},
    }
    return SimpleNamespace(**(known | values))


def test_the_line_tells_epoch_share_speed_losses_and_time_left() -> None:
    bar = Progress(io.StringIO())
    bar._examples = 650
    line = bar.line(trainer(), 5, 13.0)
    assert line == "epoch 4/10 |  25 % | 50 examples/s | train/loss 0.5 | val/loss 0.25 | ETA 0:27"


def test_the_time_left_counts_from_where_a_resumed_run_began() -> None:
    """65 of 200 steps, 60 of them before: 5 steps in 10 s, 135 to go."""
    bar = Progress(io.StringIO())
    bar._first_step = 60
    assert bar.line(trainer(), 5, 10.0).endswith("ETA 4:30")


def test_without_an_end_no_time_is_left() -> None:
    line = Progress(io.StringIO()).line(
        trainer(max_epochs=-1, estimated_stepping_batches=float("inf"), callback_metrics={}), 5, 10.0
    )
    assert line == "epoch 4 |  25 % | 0 examples/s"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (125, "2:05"), (3661, "1:01:01")])
def test_times_read_like_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a training of three epochs shows, with a clock on which a call takes so many seconds."""

    def show(stream: io.StringIO, seconds: float) -> str:
        bar = Progress(stream)
        now = iter(range(10**6))
        monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: seconds * next(now)))
        monkeypatch.setattr("zoo.harness.lightning.Progress", lambda: bar)
        train("trainer.enable_progress_bar=true")
        return stream.getvalue()

    return show


def test_in_a_log_file_there_are_whole_lines_without_control_characters(shown: Callable[..., str]) -> None:
    lines = shown(io.StringIO(), seconds=5).splitlines()
    assert 3 <= len(lines) <= 8
    assert all(line.startswith("epoch ") and line.isprintable() for line in lines)
    assert lines[-1].startswith("epoch 3/3 | 100 %")


def test_a_short_training_writes_one_line_to_a_log_file(shown: Callable[..., str]) -> None:
    lines = shown(io.StringIO(), seconds=0.001).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("epoch 3/3 | 100 %")


def test_on_a_terminal_one_line_renews_itself(shown: Callable[..., str]) -> None:
    text = shown(Terminal(), seconds=0.2)
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert text.count("\r\x1b[2K") >= 15


def test_other_ranks_show_nothing() -> None:
    stream = io.StringIO()
    bar = Progress(stream)
    bar.disable()
    bar._show(trainer(), 5, 1.0, last=True)
    assert stream.getvalue() == ""
    bar.enable()
    bar._show(trainer(), 5, 1.0, last=True)
    assert stream.getvalue() != ""
