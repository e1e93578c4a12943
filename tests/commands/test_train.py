"""`python -m zoo.train`: what it prints, where it writes, how it goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import zoo


def test_the_last_line_names_the_run_folder(command: Callable[..., Any]) -> None:
    outcome = command("train", "data=iris", "trainer.max_epochs=1", "trainer.accelerator=cpu", "logger=null")
    assert outcome.status == 0
    last = outcome.out.splitlines()[-1]
    assert last.startswith("run: outputs/")
    folder = Path(last.removeprefix("run: "))
    assert (folder / "metrics.json").exists()
    assert "accuracy" in outcome.out
    assert os.listdir() == ["outputs"]


def test_a_second_run_in_the_same_second_gets_a_folder_of_its_own(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.commands import train as module

    place = Path("outputs/2000-01-01/00-00-00")
    real = __import__("zoo.config.composition", fromlist=["compose_with_hydra"]).compose_with_hydra

    def at_one_moment(*arguments: Any, **options: Any) -> Any:
        config, hydra = real(*arguments, **options)
        hydra.run.dir = str(place)
        return config, hydra

    monkeypatch.setattr("zoo.config.composition.compose_with_hydra", at_one_moment)
    assert module is not None
    words = ("data=iris", "trainer.max_epochs=1", "trainer.accelerator=cpu", "logger=null")
    assert command("train", *words).out.splitlines()[-1] == f"run: {place}"
    assert command("train", *words).out.splitlines()[-1] == f"run: {place}-1"


def test_the_folder_asked_for_is_the_folder_taken(train: Callable[..., Path], tmp_path: Path) -> None:
    run = train(folder="elsewhere/mine")
    assert run == tmp_path / "elsewhere" / "mine"
    assert (run / "metrics.json").exists()


def test_cfg_job_prints_the_configuration_and_trains_nothing(command: Callable[..., Any]) -> None:
    outcome = command("train", "data=iris", "model.width=17", "--cfg", "job")
    assert outcome.status == 0
    assert yaml.safe_load(outcome.out) == zoo.compose(["data=iris", "model.width=17"])
    assert os.listdir() == []


def test_presets_of_one_s_own_are_read_from_config_dir(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine" / "model").mkdir(parents=True)
    (tmp_path / "mine" / "model" / "tiny.yaml").write_text("defaults:\n  - mlp\n  - _self_\nwidth: 3\n")
    for words in (["--config-dir", str(tmp_path / "mine")], [f"--config-dir={tmp_path / 'mine'}"]):
        outcome = command("train", *words, "model=tiny", "--cfg", "job")
        assert outcome.status == 0, outcome.err
        assert yaml.safe_load(outcome.out)["model"]["width"] == 3
    outcome = command("train", "--config-dir", str(tmp_path / "none"), "--cfg", "job")
    assert outcome.status == 2
    assert "--config-dir" in outcome.err


def test_resuming_with_more_epochs_goes_on(command: Callable[..., Any], train: Callable[..., Path]) -> None:
    run = train("trainer.max_epochs=1")
    outcome = command("train", f"resume={run}", "trainer.max_epochs=3")
    assert outcome.status == 0, outcome.err
    assert outcome.out.splitlines()[-1].startswith("run: ")
    assert zoo.load(run).config["trainer"]["max_epochs"] == 3
    assert "resuming at step" in outcome.err


def test_resuming_with_another_option_is_refused(command: Callable[..., Any], train: Callable[..., Path]) -> None:
    run = train()
    for words in (["optimizer.lr=0.1"], ["model=linear"], ["trainer.max_epochs=-3.5"], ["trainer.max_epochs=many"]):
        before = (run / "config.yaml").read_text()
        outcome = command("train", f"resume={run}", *words)
        assert outcome.status == 2, words
        assert words[0].split("=")[0] in outcome.err
        assert (run / "config.yaml").read_text() == before


def test_a_length_that_is_not_longer_leaves_the_run_as_it_is(
    command: Callable[..., Any], train: Callable[..., Path]
) -> None:
    run = train("trainer.max_epochs=2")
    before = {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for epochs in (1, 2):
        outcome = command("train", f"resume={run}", f"trainer.max_epochs={epochs}")
        assert outcome.status in (0, 2), outcome.err
        assert {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
