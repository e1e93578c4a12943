"""A small trained run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import zoo
from zoo.harness.training import train


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run that nobody changes."""
    overrides = [
        "data=iris",
        "model.width=4",
        "logger=csv",
        "report=false",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
    ]
    return train(zoo.compose(overrides), tmp_path_factory.mktemp("trained") / "run", overrides=overrides).dir


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(trained_once, tmp_path / "trained"))
