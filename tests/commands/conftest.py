"""The commands as a shell would call them, but in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from zoo.commands.console import run_command
from zoo.commands.evaluate import evaluate_command
from zoo.commands.predict import predict_command
from zoo.commands.train import train_command
from zoo.commands.translate import translate_command

COMMANDS = {
    "train": train_command,
    "evaluate": evaluate_command,
    "predict": predict_command,
    "translate": translate_command,
}
SMALL = ("logger=csv", "report=false", "trainer.accelerator=cpu", "trainer.devices=1", "trainer.max_epochs=1")


@dataclass(frozen=True)
class Outcome:
    """What a command ends with."""

    status: int
    out: str
    err: str


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """Call `train`, `evaluate`, `predict` or `translate` with arguments, in an empty working folder."""
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)

    def call(name: str, *arguments: str) -> Outcome:
        capsys.readouterr()
        status = run_command(COMMANDS[name], list(arguments))
        written = capsys.readouterr()
        return Outcome(status, written.out, written.err)

    return call


@pytest.fixture
def train(command: Callable[..., Outcome], tmp_path: Path) -> Callable[..., Path]:
    """Train on irises for an epoch, unless told otherwise; the run folder."""

    def trained(*overrides: str, folder: str = "run") -> Path:
        words = (*SMALL, "data=iris", "model.width=8", *overrides, f"hydra.run.dir={tmp_path / folder}")
        outcome = command("train", *{word.split("=")[0]: word for word in words}.values())
        assert outcome.status == 0, outcome.err
        return tmp_path / folder

    return trained
