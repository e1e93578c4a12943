"""A finished run, ready to use: `zoo.load`, its predictions, `evaluate`."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import ZooError
from zoo.harness.evaluation import evaluate


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """A CSV file of two numbers, a colour and the targets asked for."""

    def write(name: str, rows: int, *, seed: int = 0, shift: float = 0.0, targets: Sequence[str] = ("y",)) -> Path:
        random = np.random.default_rng(seed)
        numbers = random.normal(shift, 1 + shift, (rows, 2))
        colours = random.choice(["red", "green"], rows)
        lines = [",".join(["a", "b", "colour", *targets])]
        for (a, b), colour in zip(numbers, colours, strict=True):
            y = 100 + 10 * (a + 2 * b) + 5 * (colour == "red")
            cells = {"y": f"{y:.3f}", "z": f"{-y / 10:.4f}", "kind": "high" if y > 100 else "low"}
            lines.append(",".join([f"{a:.4f}", f"{b:.4f}", colour, *(cells[name] for name in targets)]))
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write


def test_a_loaded_model_knows_its_configuration_and_its_components(train: Callable[..., Any]) -> None:
    run = train("model.width=5")
    model = zoo.load(run.dir)
    assert model.config == run.config
    assert model.config["model"]["width"] == 5
    assert {"kind": "model", "name": "mlp"}.items() <= {
        key: value for one in model.components if one["kind"] == "model" for key, value in one.items()
    }.items()
    assert not model.task.training
    assert model.facts["class_names"] == ["setosa", "versicolor", "virginica"]


def test_records_files_and_streams_give_the_same_predictions(
    train: Callable[..., Any], table: Callable[..., Path]
) -> None:
    path = table("rows.csv", 60, targets=["kind"])
    run = train("data=csv", f"data.path={path}", "data.target=kind")
    model = zoo.load(run.dir)
    lines = path.read_text().splitlines()
    records = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    from_records = model.predict(records)
    assert len(from_records) == 60
    assert from_records == model.predict(path) == model.predict(str(path))
    assert from_records == model.predict(io.StringIO(path.read_text()))


def test_probabilities_sum_to_one_and_the_prediction_is_the_likeliest(train: Callable[..., Any]) -> None:
    model = zoo.load(train("optimizer.lr=0.05").dir)
    random = np.random.default_rng(0)
    names = model.facts["feature_names"]
    for row in model.predict([dict(zip(names, random.uniform(0, 7, 4), strict=True)) for _ in range(20)]):
        chances = {name: row[f"p({name})"] for name in ("setosa", "versicolor", "virginica")}
        assert sum(chances.values()) == pytest.approx(1, abs=1e-6)
        assert row["prediction"] == max(chances, key=chances.__getitem__)
        assert row["probability"] == max(chances.values())


def test_a_prediction_does_not_depend_on_its_neighbours(train: Callable[..., Any]) -> None:
    model = zoo.load(train("model.norm=batch", "model.dropout=0.5").dir)
    random = np.random.default_rng(0)
    records = [dict(zip(model.facts["feature_names"], random.uniform(0, 7, 4), strict=True)) for _ in range(9)]
    together = model.predict(records)
    for record, row in zip(records, together, strict=True):
        (alone,) = model.predict([record])
        assert alone["probability"] == pytest.approx(row["probability"], abs=1e-6)


def test_several_targets_are_predicted_by_name_in_original_units(
    train: Callable[..., Any], table: Callable[..., Path]
) -> None:
    path = table("rows.csv", 300, targets=["y", "z"])
    run = train("data=csv", f"data.path={path}", "data.target=[y,z]", "optimizer.lr=0.05", "trainer.max_epochs=30")
    rows = run.predict([{"a": 1, "b": 1, "colour": "red"}])
    assert set(rows[0]) == {"prediction(y)", "prediction(z)"}
    assert rows[0]["prediction(y)"] == pytest.approx(135, abs=6)
    assert rows[0]["prediction(z)"] == pytest.approx(-13.5, abs=0.6)


@pytest.mark.parametrize("missing", ["best", "folder"])
def test_a_run_without_a_model_says_so(missing: str, train: Callable[..., Any], tmp_path: Path) -> None:
    run = train("trainer.max_epochs=1")
    if missing == "best":
        (run.dir / "checkpoints" / "best.ckpt").unlink()
        with pytest.raises(ZooError, match="has no best checkpoint yet; train it with resume="):
            zoo.load(run.dir)
    else:
        with pytest.raises(ZooError, match="no run here"):
            zoo.load(tmp_path / "nowhere")


def test_weights_that_do_not_fit_are_named(train: Callable[..., Any]) -> None:
    run = train("trainer.max_epochs=1")
    path = run.dir / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    content["zoo"]["config"]["model"]["width"] = 9
    torch.save(content, path)
    with pytest.raises(ZooError, match=r"best\.ckpt: its weights do not fit its configuration") as caught:
        zoo.load(run.dir)
    assert "\n" not in str(caught.value)


# -- evaluate ------------------------------------------------------------------------------------------------------


def test_evaluating_repeats_the_test_of_training(train: Callable[..., Any]) -> None:
    run = train("optimizer.lr=0.05")
    again = evaluate(str(run.dir))
    assert again == {name: value for name, value in run.metrics.items() if name.startswith("test/")}
    again = evaluate(str(run.dir), split="val")
    for name, value in again.items():
        assert value == run.metrics[name.replace("test/", "val/")]


def test_evaluating_writes_nothing_into_the_run_folder(train: Callable[..., Any]) -> None:
    run = train()
    before = {path: path.stat().st_mtime_ns for path in run.dir.rglob("*")}
    evaluate(str(run.dir))
    assert {path: path.stat().st_mtime_ns for path in run.dir.rglob("*")} == before


def test_another_file_is_evaluated_whole_and_never_fitted_to(
    train: Callable[..., Any], table: Callable[..., Path]
) -> None:
    """Rows from elsewhere: refitted preprocessing would bring them back to mean 0 and hide the shift."""
    run = train(
        "data=csv",
        f"data.path={table('rows.csv', 200)}",
        "data.target=y",
        "task=regression",
        "optimizer.lr=0.05",
        "trainer.max_epochs=5",
    )
    other = table("other.csv", 57, seed=1, shift=3.0)
    metrics = evaluate(str(run.dir), {"data.path": str(other), "data.batch_size": 10})
    lines = [line.split(",") for line in other.read_text().splitlines()]
    truth = np.array([float(line[3]) for line in lines[1:]])
    predicted = np.array([row["prediction"] for row in zoo.load(run.dir).predict(other)])
    assert len(predicted) == 57
    assert metrics["test/rmse"] == pytest.approx(np.sqrt(np.mean((truth - predicted) ** 2)), rel=1e-5)
    assert metrics["test/mae"] == pytest.approx(np.mean(np.abs(truth - predicted)), rel=1e-5)


def test_the_training_file_need_not_be_there_any_more_for_another_to_be_evaluated(
    train: Callable[..., Any], table: Callable[..., Path], tmp_path: Path
) -> None:
    path = table("rows.csv", 60)
    run = train("data=csv", f"data.path={path}", "data.target=y")
    moved = shutil.copytree(run.dir, tmp_path / "elsewhere")
    path.unlink()
    assert evaluate(str(moved), {"data.path": str(table("new.csv", 9, seed=3))})["test/loss"] > 0
    with pytest.raises(ZooError, match=r"rows\.csv"):
        evaluate(str(moved))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("data.bath_size", "data.bath_size: no such option.*batch_size"),
        ("model.width", "model.width: cannot change here"),
        ("seed", "seed: cannot change here"),
        ("data", "data: cannot change here"),
    ],
)
def test_an_option_that_cannot_change_is_refused(key: str, message: str, train: Callable[..., Any]) -> None:
    run = train("trainer.max_epochs=1")
    with pytest.raises(ZooError, match=message):
        evaluate(str(run.dir), {key: 3})


def test_an_unknown_split_is_refused(train: Callable[..., Any]) -> None:
    run = train("trainer.max_epochs=1")
    with pytest.raises(ZooError, match="split: 'tset'; choose one of train, val, test, all"):
        evaluate(str(run.dir), split="tset")
