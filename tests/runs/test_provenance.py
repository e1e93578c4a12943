"""What a run remembers of where it came from."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.config.installed import refresh
from zoo.errors import ZooError
from zoo.runs.provenance import git_state


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_and_dirty_flag_of_a_repository(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_state(tmp_path) == {"commit": commit, "dirty": False}
    (tmp_path / "file").write_text("2")
    assert git_state(tmp_path) == {"commit": commit, "dirty": True}


def test_the_record_names_overrides_seed_packages_and_every_component(trained_once: Path) -> None:
    record = json.loads((trained_once / "run.json").read_text())
    assert "data=iris" in record["overrides"]
    assert record["seed"] == 0
    assert record["packages"]["torch"] == version("torch")
    assert record["packages"]["python"] == platform.python_version()
    assert record["packages"]["attention-zoo"] == zoo.__version__
    assert set(record["git"] or {"commit", "dirty"}) == {"commit", "dirty"}
    used = {(one["kind"], one["name"]) for one in record["components"]}
    assert used == {
        ("task", "classification"),
        ("data", "iris"),
        ("model", "mlp"),
        ("loss", "cross_entropy"),
        ("optimizer", "adamw"),
        ("schedule", "constant"),
        ("metric", "accuracy"),
        ("metric", "f1"),
        ("logger", "csv"),
    }
    for one in record["components"]:
        assert one["distribution"] == "attention-zoo"
        assert one["version"] == zoo.__version__
        assert {"commit", "target"} <= set(one)


NET = """
from torch import nn
class Net(nn.Linear):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
"""


@pytest.fixture
def with_plugin(plugin: Callable[..., Any], tmp_path: Path) -> tuple[Any, Path]:
    """A run whose model comes from the distribution zoo-net 2.5."""
    made = plugin("zoo-net", "2.5", entry_points={"zoo.models": {"net": "zoo_net:Net"}}, modules={"zoo_net.py": NET})
    overrides = [
        "data=iris",
        "model=net",
        "logger=null",
        "report=false",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
    ]
    return made, zoo.train(zoo.compose(overrides), tmp_path / "run").dir


def test_a_plugin_s_distribution_and_version_are_recorded(with_plugin: tuple[Any, Path]) -> None:
    record = json.loads((with_plugin[1] / "run.json").read_text())
    (model,) = (one for one in record["components"] if one["kind"] == "model")
    assert (model["name"], model["distribution"], model["version"]) == ("net", "zoo-net", "2.5")
    (model,) = (one for one in zoo.load(with_plugin[1]).components if one["kind"] == "model")
    assert (model["name"], model["distribution"], model["version"]) == ("net", "zoo-net", "2.5")


def test_a_missing_plugin_is_named_with_the_version_to_install(with_plugin: tuple[Any, Path]) -> None:
    made, run = with_plugin
    (made.metadata / "entry_points.txt").unlink()
    refresh()
    from zoo.harness.training import resume

    for use in (zoo.load, lambda folder: resume(folder, {"trainer.max_epochs": 2})):
        with pytest.raises(ZooError) as caught:
            use(run)
        message = str(caught.value)
        assert "zoo-net 2.5" in message
        assert "pip install 'zoo-net==2.5'" in message
        assert "\n" not in message


def test_another_version_of_a_plugin_is_worth_a_note(
    with_plugin: tuple[Any, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    made, run = with_plugin
    text = (made.metadata / "METADATA").read_text()
    (made.metadata / "METADATA").write_text(text.replace("Version: 2.5", "Version: 3.0"))
    refresh()
    zoo.load(run)
    said = capsys.readouterr().err
    assert "zoo-net 2.5" in said
    assert "3.0" in said
