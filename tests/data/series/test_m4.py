"""The hourly series of the M4 competition: published figures of naive forecasts, and a run."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

import zoo
from zoo.commands.predict import predict_command
from zoo.data.series.series import Series

QUIET = ["logger=null", "trainer.enable_progress_bar=false"]


@pytest.fixture
def m4() -> Path:
    if "ZOO_TEST_DATA" not in os.environ:
        pytest.skip("ZOO_TEST_DATA is not set: it names the folder of real data sets")
    return Path(os.environ["ZOO_TEST_DATA"], "m4")


def test_naive_forecasts_have_the_published_scores(m4):
    data = Series(str(m4), 48, season=24, window=336, base=168)
    data.setup()
    found = {name.removeprefix("test/"): round(value, 3) for name, value in data.baselines().items()}
    assert found["naive/smape"] == 43.003
    assert found["naive/mase"] == 11.608
    assert found["seasonal_naive/smape"] == 13.912
    assert found["seasonal_naive/mase"] == 1.193
    assert data.facts["examples"]["test"] == 414


def small(tmp_path: Path) -> Path:
    """Three series with a season of four, and what follows."""
    rows = {f"s{i}": [10 * i + (t % 4) * i + 0.01 * t for t in range(80)] for i in (1, 2, 3)}
    for part, cut in (("train", slice(0, 76)), ("test", slice(76, 80))):
        lines = [",".join([name, *(f"{value:.4f}" for value in values[cut])]) for name, values in rows.items()]
        (tmp_path / f"x-{part}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.parametrize("loss", ["smape", "mase", "mse", "huber"])
def test_a_run_is_scored_beside_naive_forecasts(tmp_path, loss, capsys):
    words = ["data=series", f"data.path={small(tmp_path)}", "data.horizon=4", "data.season=4", "data.window=8"]
    words += ["model=mlp", f"loss={loss}", "trainer.max_epochs=20", "optimizer.lr=0.01", *QUIET]
    run = zoo.train(zoo.compose(words), tmp_path / "run")
    told = capsys.readouterr()
    assert "test: naive sMAPE" in told.err
    assert "seasonal_naive/smape" in told.out
    assert run.metrics["test/smape"] < run.metrics["test/naive/smape"]
    assert {"test/mase", "val/seasonal_naive/mase"} <= set(run.metrics)


def test_an_initialisation_that_needs_data_sees_windows(tmp_path):
    words = ["data=series", f"data.path={small(tmp_path)}", "data.horizon=4", "data.season=4", "data.window=8"]
    words += ["model=mlp", "model.init=lsuv", "trainer.max_epochs=1", "report=false", *QUIET]
    assert zoo.train(zoo.compose(words), tmp_path / "run").metrics["train/steps"] > 0


def test_forecasts_are_in_original_units(tmp_path):
    folder = small(tmp_path)
    words = ["data=series", f"data.path={folder}", "data.horizon=4", "data.season=4", "data.window=8", "model=mlp"]
    words += ["trainer.max_epochs=60", "optimizer.lr=0.01", "report=false", *QUIET]
    run = zoo.train(zoo.compose(words), tmp_path / "run")
    output = tmp_path / "out.csv"
    predict_command([f"run={run.dir}", f"input={folder / 'x-train.csv'}", f"output={output}"])
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["series"] for row in rows] == ["s1", "s2", "s3"]
    for i, row in enumerate(rows, start=1):
        forecast = [float(row[f"prediction(t+{step})"]) for step in range(1, 5)]
        assert forecast == pytest.approx([10 * i + (t % 4) * i + 0.01 * t for t in range(76, 80)], rel=0.2)
