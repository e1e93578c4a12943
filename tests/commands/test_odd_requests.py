"""Requests that are legal but unusual, or wrong in ways that are easy to miss."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import zoo
from zoo.errors import ZooError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Sixty rows of two numbers and a class that follows from them."""
    random = np.random.default_rng(0)
    path = tmp_path / "größe (1).csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "y"])
        for a, b in random.normal(size=(60, 2)):
            writer.writerow([a, b, "yes" if a + b > 0 else "no"])
    return path


def on(table: Path, *further: str) -> list[str]:
    return ["data=csv", f"data.path='{table}'", "data.target=y", *further]


def test_watching_a_metric_of_which_more_is_better_keeps_the_best_not_the_worst(train: Callable[..., Path]) -> None:
    folder = train("checkpoint.monitor=val/accuracy", "trainer.max_epochs=12", "optimizer.lr=0.05")
    rows = list(csv.DictReader((folder / "logs" / "metrics.csv").open()))
    seen = [float(row["val/accuracy"]) for row in rows if row["val/accuracy"]]
    assert min(seen) < max(seen)
    assert json.loads((folder / "metrics.json").read_text())["val/accuracy"] == max(seen)
    assert yaml.safe_load((folder / "config.yaml").read_text())["checkpoint"]["mode"] == "max"


def test_a_plugins_task_is_not_taken_by_data_that_a_built_in_task_solves(
    train: Callable[..., Path], plugin: Callable[..., Any]
) -> None:
    source = "from zoo.tasks.classification import Classification\nclass Calibrated(Classification):\n    pass\n"
    plugin("zoo-foo", entry_points={"zoo.tasks": {"calibrated": "zoo_foo:Calibrated"}}, modules={"zoo_foo.py": source})
    folder = train()
    assert yaml.safe_load((folder / "config.yaml").read_text())["task"]["name"] == "classification"
    assert "zoo_foo" not in sys.modules


@pytest.mark.parametrize("change", ["data.seed=5", "data.test=0.5", "data.target=a", "data.test_path=other.csv"])
def test_evaluation_refuses_what_was_decided_at_training(
    change: str, train: Callable[..., Path], table: Path, command: Callable[..., Any]
) -> None:
    folder = train(*on(table))
    outcome = command("evaluate", f"run={folder}", change)
    assert outcome.status == 2
    assert "was decided at training" in outcome.err
    assert "data.path" in outcome.err


def test_evaluating_nothing_is_an_error(train: Callable[..., Path], command: Callable[..., Any]) -> None:
    folder = train("data.test=0")
    outcome = command("evaluate", f"run={folder}")
    assert outcome.status == 2
    assert "nothing to evaluate" in outcome.err


def test_file_names_are_taken_as_they_are(
    train: Callable[..., Path], table: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    folder = train(*on(table), folder="1e3")
    output = tmp_path / "p(1) ü.tsv"
    outcome = command("predict", f"run={folder}", f"input={table}", f"output={output}")
    assert outcome.status == 0, outcome.err
    rows = list(csv.DictReader(output.open(encoding="utf-8"), delimiter="\t"))
    assert len(rows) == 60
    assert {row["prediction"] for row in rows} <= {"yes", "no"}


def test_predicting_never_overwrites_the_input_and_refuses_formats_it_cannot_write(
    train: Callable[..., Path], table: Path, command: Callable[..., Any]
) -> None:
    folder = train(*on(table))
    before = table.read_bytes()
    same = command("predict", f"run={folder}", f"input={table}", f"output={table}")
    assert (same.status, same.err) == (2, "error: output: is the input itself; choose another file\n")
    assert table.read_bytes() == before
    parquet = command("predict", f"run={folder}", f"input={table}", "output=out.parquet")
    assert parquet.status == 2
    assert ".parquet cannot be written" in parquet.err
    wrong = command("predict", f"run={folder}", "inptu=in.csv", "output=out.csv")
    assert wrong.status == 2
    assert "did you mean 'input'?" in wrong.err


def test_records_are_predicted_whatever_the_format_of_the_training_file(
    train: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("".join(f"{i},5;{i % 7},25;{'x' if i % 2 else 'z'}\n" for i in range(40)))
    folder = train(
        "data=csv",
        f"data.path={path}",
        "data.target=2",
        "data.header=false",
        "data.delimiter=';'",
        "data.decimal=','",
    )
    model = zoo.load(folder)
    (row,) = model.predict([{"0": 1.5, "1": 2.5}])
    assert row["prediction"] in {"x", "z"}
    assert model.predict([]) == []
    with pytest.raises(ZooError, match="cannot read a int"):
        model.predict(3)  # type: ignore[arg-type]


def test_without_validation_the_last_step_is_the_best(train: Callable[..., Path]) -> None:
    folder = train("data.val=0", "trainer.max_epochs=3")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["best/step"] == metrics["train/steps"] > 0


@pytest.mark.parametrize("limit", ["trainer.max_epochs=0", "trainer.max_steps=0"])
def test_training_nothing_is_refused_before_a_folder_exists(
    limit: str, command: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = command("train", "data=iris", limit, f"hydra.run.dir={tmp_path / 'none'}")
    assert outcome.status == 2
    assert "trains nothing" in outcome.err
    assert not (tmp_path / "none").exists()


def test_a_run_limited_by_time_alone_needs_no_schedule_that_knows_its_end(train: Callable[..., Path]) -> None:
    folder = train("trainer.max_epochs=-1", "trainer.max_time=00:00:00:01")
    assert json.loads((folder / "metrics.json").read_text())["train/steps"] > 0


METRICS = """
from torchmetrics import MeanMetric, Metric
import torch

class Plain(MeanMetric):
    def update(self, prediction, target): super().update(torch.ones(1))
    def compute(self): return 0.25

class Vector(Plain):
    def compute(self): return torch.ones(3)

def type() -> Metric: return Plain()
def several() -> Metric: return Vector()
"""


def test_a_metric_may_return_a_number_and_have_any_name(
    train: Callable[..., Path], command: Callable[..., Any], plugin: Callable[..., Any]
) -> None:
    entries = {"zoo.metrics": {"type": "zoo_foo:type", "several": "zoo_foo:several"}}
    plugin("zoo-foo", entry_points=entries, modules={"zoo_foo.py": METRICS})
    folder = train("metric=[type]")
    assert json.loads((folder / "metrics.json").read_text())["test/type"] == 0.25
    outcome = command("train", "data=iris", "metric=[several]", "trainer.max_epochs=1", "logger=null")
    assert outcome.status == 2
    assert "metric=several: computes 3 values" in outcome.err


DICTIONARIES = """
import torch
from torch import nn

class Pairs:
    task = "classification"
    facts = {"problem": "binary", "num_classes": 2, "examples": {"train": 8, "val": 4, "test": 4}}
    def __init__(self, batch_size: int = 4) -> None: self.batch_size, self.num_workers = batch_size, 0
    def setup(self) -> None: pass
    def state_dict(self): return {}
    def load_state_dict(self, state): pass
    def read(self, source): return [{"left": torch.ones(2), "right": torch.ones(2)}] * 3
    def dataset(self, split):
        return [({"left": torch.ones(2) * i, "right": torch.ones(2)}, i % 2) for i in range(8)]

class Siamese(nn.Module):
    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.head = nn.Linear(2, out_features)
    def forward(self, left, right): return self.head(left - right)
"""


def test_a_plugins_data_may_give_dictionaries_to_a_plugins_model(
    train: Callable[..., Path], command: Callable[..., Any], plugin: Callable[..., Any], tmp_path: Path
) -> None:
    entries = {"zoo.data": {"couples": "zoo_foo:Pairs"}, "zoo.models": {"siamese": "zoo_foo:Siamese"}}
    plugin("zoo-foo", entry_points=entries, modules={"zoo_foo.py": DICTIONARIES})
    small = ["logger=csv", "trainer.accelerator=cpu", "trainer.max_epochs=1"]
    done = command("train", "data=couples", "model=siamese", *small, f"hydra.run.dir={tmp_path / 'run'}")
    assert done.status == 0, done.err
    rows = zoo.load(tmp_path / "run").predict("anything")
    assert [set(row) for row in rows] == [{"prediction", "probability", "p(0)", "p(1)"}] * 3
    wrong = command("train", "data=couples", "model=linear", "model.in_features=2", *small, "hydra.run.dir=none")
    assert wrong.status == 2
    assert "model=linear: does not take the inputs of data=couples" in wrong.err
    assert not Path("none").exists()


@pytest.mark.slow
def test_torchrun_starts_one_run_of_two_processes(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node=2",
        "--standalone",
        "-m",
        "zoo.train",
    ]
    overrides = ["data=iris", "trainer.max_epochs=1", "trainer.accelerator=cpu", "trainer.devices=2"]
    done = subprocess.run(
        [*command, *overrides, "trainer.strategy=ddp"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("run: ")] == [done.stdout.splitlines()[-1]]
    (metrics,) = tmp_path.glob("outputs/*/*/metrics.json")
    alone = subprocess.run(
        [sys.executable, "-m", "zoo.evaluate", f"run={metrics.parent}", "trainer.devices=1", "trainer.strategy=auto"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    expected = json.loads(alone.stdout.splitlines()[-1])
    measured = json.loads(metrics.read_text())
    assert {name: measured[name] for name in expected} == pytest.approx(expected, abs=1e-6)
