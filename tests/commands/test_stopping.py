"""Real processes that are killed, interrupted, or out of disk, and the runs they leave."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.harness.training import resume
from zoo.testing.nested import difference

ROOT = Path(__file__).resolve().parents[2]
OVERRIDES = (
    "data=digits",
    "model.dropout=0.3",
    "model.width=32",
    "schedule=cosine",
    "callback=early_stopping",
    "callback.early_stopping.patience=100",
    "logger=csv",
    "report=false",
    "data.batch_size=50",
    "checkpoint.every_n_steps=7",
    "trainer.log_every_n_steps=5",
    "trainer.max_epochs=40",
    "trainer.accelerator=cpu",
    "trainer.devices=1",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupts."""
    return zoo.train(zoo.compose(OVERRIDES), tmp_path_factory.mktemp("whole") / "run").dir


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`python -m zoo.train` in a process of its own, ended after the test at the latest."""
    started: list[subprocess.Popen[str]] = []

    def start(*overrides: str, **options: Any) -> subprocess.Popen[str]:
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ZOO_PLUGINS": "only:"}
        command = [sys.executable, "-m", "zoo.train", *OVERRIDES, *overrides, f"hydra.run.dir={tmp_path / 'run'}"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, env=environ, cwd=tmp_path, text=True, **pipes, **options))
        return started[-1]

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()


def wait_for_checkpoints(process: subprocess.Popen[str], run: Path, count: int) -> None:
    """Return when `last.ckpt` has been written so many times."""
    last, seen = run / "checkpoints" / "last.ckpt", set[int]()
    until = time.monotonic() + 90
    while len(seen) < count and time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1]
        if last.exists():
            seen.add(last.stat().st_mtime_ns)
        time.sleep(0.002)
    assert len(seen) >= count


def assert_same_end(one: Path, other: Path) -> None:
    for name in ("last", "best"):
        pair = [torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True) for run in (one, other)]
        assert difference(*pair, name) is None
    metrics = [json.loads((run / "metrics.json").read_text()) for run in (one, other)]
    assert all(values.pop("train/seconds") for values in metrics)
    assert metrics[0] == metrics[1]
    assert (one / "logs" / "metrics.csv").read_text() == (other / "logs" / "metrics.csv").read_text()


@pytest.mark.slow
def test_after_kill_9_within_an_epoch_resuming_ends_where_uninterrupted_training_ends(
    process: Callable[..., subprocess.Popen[str]], whole: Path, tmp_path: Path
) -> None:
    training = process()
    wait_for_checkpoints(training, tmp_path / "run", 6)
    training.kill()
    assert training.wait() == -signal.SIGKILL
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert 0 < last["global_step"] < json.loads((whole / "metrics.json").read_text())["train/steps"]
    resume(tmp_path / "run")
    assert_same_end(whole, tmp_path / "run")


@pytest.mark.slow
def test_after_ctrl_c_there_is_one_line_and_resuming_ends_where_uninterrupted_training_ends(
    process: Callable[..., subprocess.Popen[str]], whole: Path, tmp_path: Path
) -> None:
    training = process("trainer.enable_progress_bar=false")
    wait_for_checkpoints(training, tmp_path / "run", 4)
    training.send_signal(signal.SIGINT)
    out, err = training.communicate(timeout=60)
    assert training.returncode == 2
    assert "Traceback" not in err
    assert err.splitlines()[-1].endswith(f"continue with resume={tmp_path / 'run'}")
    assert "run:" not in out
    path = tmp_path / "run" / "config.yaml"
    path.write_text(path.read_text().replace("enable_progress_bar: false", "enable_progress_bar: true"))
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert str(last["global_step"]) in err.splitlines()[-1]
    resume(tmp_path / "run")
    ends = [torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) for run in (whole, tmp_path / "run")]
    for part in ("state_dict", "optimizer_states"):
        assert difference(ends[0][part], ends[1][part], part) is None
    assert (whole / "logs" / "metrics.csv").read_text() == (tmp_path / "run" / "logs" / "metrics.csv").read_text()


@pytest.mark.slow
def test_a_disk_that_is_full_ends_in_one_line_and_status_2(
    process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """No file may grow beyond 20 kB here, which the checkpoint of this network does."""

    def no_big_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    training = process("trainer.enable_progress_bar=false", preexec_fn=no_big_files)
    _, err = training.communicate(timeout=90)
    assert training.returncode == 2, err
    assert "Traceback" not in err
    assert "ckpt: could not be written" in err.splitlines()[-1]
    assert not list((tmp_path / "run" / "checkpoints").iterdir()), "nothing half-written is left"
