"""A report can be written of any run, however little it left behind."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import pytest
import torch

from zoo.report import write_report

NAN = math.nan


def pictures(run: Any) -> set[str]:
    return {path.name for path in (run.path / "pictures").glob("*")}


def test_classification_has_curves_and_confusion(make_run: Any) -> None:
    run = make_run()
    path = write_report(run, outputs=torch.eye(3), targets=torch.arange(3), facts={"problem": "multiclass"})
    assert path == run.path / "report.html"
    assert pictures(run) == {"curves.png", "confusion.png", "reliability.png", "classes.png"}


def test_two_classes_have_probabilities_too(make_run: Any) -> None:
    run = make_run()
    write_report(run, outputs=torch.eye(2), targets=torch.arange(2), facts={"problem": "binary"})
    assert pictures(run) == {"curves.png", "confusion.png", "probabilities.png", "reliability.png", "classes.png"}


def test_regression_has_predictions(make_run: Any) -> None:
    run = make_run()
    write_report(run, outputs=torch.randn(9, 1), targets=torch.randn(9, 1), facts={"problem": "regression"})
    assert pictures(run) == {"curves.png", "predictions.png"}


def test_without_outputs_there_are_curves_alone(make_run: Any) -> None:
    run = make_run()
    write_report(run)
    assert pictures(run) == {"curves.png"}


def test_problems_it_does_not_know_have_no_test_pictures(make_run: Any) -> None:
    run = make_run()
    write_report(run, outputs=torch.zeros(4, 7, 9), targets=torch.zeros(4, 7).long(), facts={"problem": "seq2seq"})
    assert pictures(run) == {"curves.png"}


@pytest.mark.parametrize(
    "log",
    [
        None,
        [],
        [{"step": 5, "train/epoch_loss": 1.0}],
        [{"step": 5, "val/loss": NAN, "val/accuracy": NAN, "train/epoch_loss": NAN, "lr": NAN}],
        [{"step": 5, "val/loss": math.inf, "train/loss": -math.inf}, {"step": 9, "val/loss": 1.0}],
        [{"step": 5, "val/accuracy": 0.5}],
        [{"step": 0, "lr": 0.0}],
        [{"step": step, "val/loss": 10.0**-step, "train/epoch_loss": 0.0} for step in range(1, 9)],
        [{"step": 5, "test/loss": 1.0}],
        [{"step": "", "val/loss": 1.0}, {"step": "x", "val/loss": "y"}],
    ],
    ids=["none", "empty", "one epoch, no validation", "nan", "infinite", "metric", "rate", "tiny", "test", "damaged"],
)
@pytest.mark.parametrize("best", [NAN, 5])
def test_any_log_will_do(make_run: Any, read_page: Any, log: Any, best: float) -> None:
    page = read_page(write_report(make_run(log=log, metrics={"test/loss": NAN, "best/step": best})))
    assert page.table("metric") == {"loss": ["nan"]}


def test_a_folder_with_nothing_but_a_configuration_has_a_report(make_run: Any, read_page: Any) -> None:
    run = make_run(config={}, record=None, metrics=None, log=None)
    page = read_page(write_report(run))
    assert "The run has no final metrics." in page.text
    assert "Nothing was logged." in page.text


@pytest.mark.parametrize("problem", ["binary", "multiclass", "multilabel", "regression"])
def test_outputs_that_are_no_numbers_are_left_out_and_counted(make_run: Any, read_page: Any, problem: str) -> None:
    outputs = torch.full((6, 2), 0.5)
    targets = {"multilabel": torch.ones(6, 2), "regression": torch.ones(6, 2)}.get(problem, torch.tensor([0, 1] * 3))
    outputs[1:3, 0] = NAN
    page = read_page(write_report(make_run(), outputs=outputs, targets=targets, facts={"problem": problem}))
    assert "2 of 6 predictions are not numbers" in page.text
    everything = read_page(write_report(make_run(), outputs=outputs * NAN, targets=targets, facts={"problem": problem}))
    assert "6 of 6 predictions are not numbers" in everything.text


def test_an_empty_test_split_has_a_report(make_run: Any) -> None:
    run = make_run()
    write_report(run, outputs=torch.zeros(0, 3), targets=torch.zeros(0).long(), facts={"problem": "multiclass"})
    assert pictures(run) == {"curves.png"}


def test_half_precision_outputs_are_fine(make_run: Any) -> None:
    run = make_run()
    write_report(run, outputs=torch.eye(2, dtype=torch.bfloat16), targets=torch.arange(2))
    write_report(run, outputs=torch.ones(3, 1, dtype=torch.bfloat16), targets=torch.ones(3, 1))


def test_the_users_matplotlib_settings_neither_matter_nor_change(make_run: Any, monkeypatch: Any) -> None:
    plain = make_run()
    write_report(plain)
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
    monkeypatch.setitem(matplotlib.rcParams, "font.family", ["No Such Font"])
    monkeypatch.setitem(matplotlib.rcParams, "savefig.facecolor", "red")
    before = dict(matplotlib.rcParams)
    run = make_run()
    write_report(run)
    assert dict(matplotlib.rcParams) == before
    assert (run.path / "pictures/curves.png").read_bytes() == (plain.path / "pictures/curves.png").read_bytes()


def test_no_figure_is_left_behind(make_run: Any) -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    write_report(make_run(), outputs=torch.eye(2), targets=torch.arange(2))
    assert plt.get_fignums() == before


def test_matplotlib_is_imported_only_to_draw(run_python: Any) -> None:
    done = run_python("import sys, zoo.report; print('matplotlib' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr
