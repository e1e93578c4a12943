"""Sweeps: every point is checked before the first one trains; several processes never start them again."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from zoo.commands.train import sweep_points
from zoo.harness import ranks
from zoo.harness.evaluation import evaluate
from zoo.testing.nested import difference

SMALL = (
    "data=iris",
    "logger=csv",
    "report=false",
    "trainer.accelerator=cpu",
    "trainer.devices=1",
    "trainer.max_epochs=1",
)


@pytest.fixture(autouse=True)
def own_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra reads the command line of the process."""
    monkeypatch.setattr(sys, "argv", ["zoo-train"])


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["a=1,2"], [["a=1"], ["a=2"]]),
        (["a=1,2", "b=x", "c=5,6"], [[f"a={a}", "b=x", f"c={c}"] for a in (1, 2) for c in (5, 6)]),
        (["a=range(3)"], [["a=0"], ["a=1"], ["a=2"]]),
        (["d=[0.8,0.9]"], [["d=[0.8,0.9]"]]),
    ],
)
def test_a_sweep_is_the_product_of_its_choices(overrides: list[str], expected: list[list[str]]) -> None:
    keys = {"a": "optimizer.lr", "b": "model.activation", "c": "model.depth", "d": "optimizer.betas"}
    named = ["model=mlp", *(f"{keys[word[0]]}{word[1:]}" for word in overrides)]
    points = [["model=mlp", *(f"{keys[word[0]]}{word[1:]}" for word in point)] for point in expected]
    assert sweep_points(named) == points


def test_every_point_gets_a_folder_with_its_own_configuration(command: Callable[..., Any], tmp_path: Path) -> None:
    outcome = command("train", "-m", "model.depth=1,2", *SMALL, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert outcome.status == 0, outcome.err
    for number, depth in enumerate((1, 2)):
        folder = tmp_path / "sweep" / str(number)
        assert yaml.safe_load((folder / "config.yaml").read_text())["model"]["depth"] == depth
        assert "test/accuracy" in json.loads((folder / "metrics.json").read_text())
        assert f"model.depth={depth}" in json.loads((folder / "run.json").read_text())["overrides"]
    assert [line.split("/")[-1] for line in outcome.out.splitlines() if line.startswith("run: ")] == ["0", "1"]


@pytest.mark.parametrize(
    ("swept", "point", "words"),
    [
        ("model.dropout=0.1,0.2,1.5", "point 2 ", ["model.dropout", "1.5"]),
        ("loss=cross_entropy,mse", "point 1 ", ["loss=mse", "multiclass"]),
        ("data.path=here.csv,there.csv", "point 0 ", ["data.path"]),
        ("trainer.val_check_interval=1,50", "point 1 ", ["val_check_interval"]),
    ],
)
def test_one_bad_point_and_none_is_trained(
    swept: str, point: str, words: list[str], command: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = command("train", "-m", swept, *SMALL, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert outcome.status == 2, outcome.err
    assert "none was" in outcome.err
    assert "Traceback" not in outcome.err
    for word in (point, *words):
        assert word in outcome.err
    assert not (tmp_path / "sweep").exists()
    assert os.listdir() == []


def test_a_rank_is_announced_by_the_environment_and_only_for_as_long_as_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    with ranks.announced(tmp_path / "run", tmp_path / "last.ckpt"):
        assert ranks.joined_run() is None, "the first process announces, and composes itself"
        os.environ["LOCAL_RANK"] = "1"
        assert ranks.joined_run() == (tmp_path / "run", tmp_path / "last.ckpt")
    assert dict(os.environ) == before
    with suppress(ZeroDivisionError), ranks.announced(tmp_path / "run", None):
        os.environ["MASTER_PORT"] = "1"
        raise ZeroDivisionError
    assert dict(os.environ) == before
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert ranks.joined_run() is None, "a launcher of somebody else's"


PROBE = """
import os
from pathlib import Path
import torch
from pytorch_lightning import Callback

class Probe(Callback):
    def on_train_end(self, trainer, pl_module):
        folder = Path(trainer.default_root_dir)
        weights = {name: value.clone() for name, value in pl_module.state_dict().items()}
        torch.save(weights, folder / f"rank-{trainer.global_rank}-of-{trainer.world_size}.pt")
        with open(os.environ["PROBE_TRACE"], "a") as file:
            file.write(f"{folder.name} rank {trainer.global_rank}\\n")
"""


@pytest.mark.slow
def test_a_sweep_over_two_processes_each(
    run_python: Callable[..., Any], plugin: Callable[..., Any], tmp_path: Path
) -> None:
    before = signal.getsignal(signal.SIGINT)
    """Two points, two ranks, 505 rows of which 101 are for the test."""
    probe = plugin(
        "zoo-probe", entry_points={"zoo.callbacks": {"probe": "zoo_probe:Probe"}}, modules={"zoo_probe.py": PROBE}
    )
    generator = random.Random(0)
    rows = [[generator.gauss(0, 1) for _ in range(3)] for _ in range(505)]
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "y"])
        writer.writerows(
            [*map("{:.4f}".format, row), "yes" if sum(row) > generator.gauss(0, 1) else "no"] for row in rows
        )
    sweep = tmp_path / "sweep"
    outcome = run_python(
        *[
            "-m",
            "zoo.train",
            "-m",
            "model.depth=1,2",
            "model.width=8",
            "data=csv",
            f"data.path={tmp_path / 'rows.csv'}",
        ],
        *["data.target=y", "data.batch_size=20", "optimizer.lr=0.01", "logger=csv", "callback=probe"],
        *["trainer.max_epochs=2", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.strategy=ddp"],
        f"hydra.sweep.dir={sweep}",
        plugins=[probe],
        PROBE_TRACE=str(tmp_path / "trace"),
    )
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    assert sorted(path.name for path in sweep.iterdir() if path.is_dir()) == ["0", "1"]
    trace = sorted((tmp_path / "trace").read_text().splitlines())
    assert trace == ["0 rank 0", "0 rank 1", "1 rank 0", "1 rank 1"], "no rank trains a point again"
    for number, depth in enumerate((1, 2)):
        folder = sweep / str(number)
        assert yaml.safe_load((folder / "config.yaml").read_text())["model"]["depth"] == depth
        weights = [torch.load(folder / f"rank-{rank}-of-2.pt", weights_only=True) for rank in (0, 1)]
        assert difference(*weights) is None
        metrics = json.loads((folder / "metrics.json").read_text())
        alone = evaluate(str(folder), {"trainer.devices": 1, "trainer.strategy": "auto"})
        assert set(alone) >= {"test/loss", "test/accuracy", "test/f1", "test/roc_auc"}
        for name, value in alone.items():
            assert metrics[name] == pytest.approx(value, abs=1e-6), name
        assert (metrics["test/accuracy"] * 101) == pytest.approx(round(metrics["test/accuracy"] * 101), abs=1e-4)
        lines = (folder / "logs" / "metrics.csv").read_text().splitlines()
        assert len([line for line in lines if line.split(",")[0] == "18"]) == 1, "logged by the first rank alone"
    assert [line.split("/")[-1] for line in outcome.stdout.splitlines() if line.startswith("run: ")] == ["0", "1"]
    assert signal.getsignal(signal.SIGINT) is before
