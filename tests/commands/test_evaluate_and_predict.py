"""`python -m zoo.evaluate` and `python -m zoo.predict`."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo

HEADER = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)"
ROWS = ["5.1,3.5,1.4,0.2", "7.0,3.2,4.7,1.4", "6.3,3.3,6.0,2.5"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def test_the_last_line_of_evaluate_is_json_with_the_metrics_of_the_test(
    command: Callable[..., Any], train: Callable[..., Path]
) -> None:
    run = train("trainer.max_epochs=2")
    outcome = command("evaluate", f"run={run}")
    assert outcome.status == 0, outcome.err
    trained = json.loads((run / "metrics.json").read_text())
    metrics = json.loads(outcome.out.splitlines()[-1])
    assert metrics == {name: value for name, value in trained.items() if name.startswith("test/")}
    assert outcome.out.splitlines()[3].split()[0] == "accuracy"


def test_evaluate_takes_a_split_and_options(command: Callable[..., Any], train: Callable[..., Path]) -> None:
    run = train("trainer.max_epochs=2")
    outcome = command("evaluate", f"run={run}", "split=val", "data.batch_size=4")
    trained = json.loads((run / "metrics.json").read_text())
    measured = json.loads(outcome.out.splitlines()[-1])
    assert measured["test/loss"] == pytest.approx(trained["val/loss"], abs=1e-6)
    outcome = command("evaluate", f"run={run}", "model.width=3")
    assert outcome.status == 2
    assert "only data.* and trainer.* can" in outcome.err


def test_predict_writes_one_row_a_row_as_csv(
    command: Callable[..., Any], train: Callable[..., Path], rows: Path, tmp_path: Path
) -> None:
    run = train()
    outcome = command("predict", f"run={run}", f"input={rows}", f"output={tmp_path / 'out.csv'}")
    assert outcome.status == 0, outcome.err
    assert outcome.out == ""
    with (tmp_path / "out.csv").open() as file:
        table = list(csv.DictReader(file))
    expected = zoo.load(run).predict(rows)
    assert [row["prediction"] for row in table] == [row["prediction"] for row in expected]
    assert [float(row["p(setosa)"]) for row in table] == [row["p(setosa)"] for row in expected]


def test_predict_writes_json_lines(
    command: Callable[..., Any], train: Callable[..., Path], rows: Path, tmp_path: Path
) -> None:
    run = train()
    assert command("predict", f"run={run}", f"input={rows}", f"output={tmp_path / 'out.jsonl'}").status == 0
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == zoo.load(run).predict(rows)


def test_predict_reads_and_writes_streams(
    command: Callable[..., Any], train: Callable[..., Path], rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train()
    monkeypatch.setattr(sys, "stdin", io.StringIO(rows.read_text()))
    outcome = command("predict", f"run={run}", "input=-", "output=-")
    assert outcome.status == 0, outcome.err
    table = list(csv.DictReader(io.StringIO(outcome.out)))
    assert len(table) == 3
    for row in table:
        assert sum(float(row[f"p({name})"]) for name in ("setosa", "versicolor", "virginica")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEADER.replace("petal width (cm)", "x") + "\n" + ROWS[0], ["petal width (cm)"]),
        (HEADER + "\n" + ROWS[0] + "\n5.1,3.5,wide,0.2\n", ["line 3", "petal length (cm)", "wide"]),
        ("", ["rows.csv"]),
    ],
)
def test_rows_that_do_not_fit_are_named(
    content: str,
    words: list[str],
    command: Callable[..., Any],
    train: Callable[..., Path],
    rows: Path,
    tmp_path: Path,
) -> None:
    run = train()
    rows.write_text(content)
    outcome = command("predict", f"run={run}", f"input={rows}", f"output={tmp_path / 'out.csv'}")
    assert outcome.status == 2
    assert len(outcome.err.splitlines()) <= 2
    for word in words:
        assert word in outcome.err
    assert not (tmp_path / "out.csv").exists()


def test_an_output_that_cannot_be_written_is_named(
    command: Callable[..., Any], train: Callable[..., Path], rows: Path
) -> None:
    run = train()
    outcome = command("predict", f"run={run}", f"input={rows}", f"output={rows}/out.csv")
    assert outcome.status == 2
    assert f"{rows}/out.csv: cannot be written" in outcome.err


@pytest.mark.parametrize("name", ["train", "evaluate", "predict"])
def test_help_is_printed_and_nothing_else_done(name: str, command: Callable[..., Any]) -> None:
    outcome = command(name, "--help")
    assert outcome.status == 0
    assert outcome.err == ""
    assert name in outcome.out
