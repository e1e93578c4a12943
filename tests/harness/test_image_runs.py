"""A folder of photos from training to predictions, report and pictures, as a user has them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.commands.evaluate import evaluate_command
from zoo.commands.predict import predict_command
from zoo.errors import ConfigError, ZooError

FEW = [
    *("data=images", "data.size=16", "data.batch_size=8", "model=cifar_resnet", "model.depth=20"),
    *("trainer.max_epochs=4", "optimizer.lr=0.01", "trainer.enable_progress_bar=false", "task=classification"),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of noise, each with a colour of its own."""
    root, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6), ("test", 6)):
        for channel, name in enumerate(("red", "green", "blue")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 120, (20, 24, 3))
                pixels[..., channel] += 90
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}{number}.png")
    return root


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        folder = tmp_path_factory.mktemp("runs") / "run"
        return zoo.train(zoo.compose([*FEW, f"data.path={photos}", "task.calibrate=temperature"]), folder)


def predicted(run, photos: Path, folder: Path, *words: str) -> list[dict[str, str]]:
    arguments = [f"run={run.dir}", f"input={photos / 'test'}", f"output={folder / 'out.csv'}", *words]
    assert predict_command(arguments) == 0
    with (folder / "out.csv").open() as file:
        return list(csv.DictReader(file))


def test_predictions_have_files_names_and_probabilities(run, photos, tmp_path):
    rows = predicted(run, photos, tmp_path)
    assert [row["file"] for row in rows] == [str(one) for one in sorted((photos / "test").glob("*/*"))]
    right = sum(Path(row["file"]).parent.name == row["prediction"] for row in rows)
    assert right / len(rows) == pytest.approx(run.metrics["test/accuracy"], abs=1e-6)
    for row in rows:
        shares = {name: float(row[f"p({name})"]) for name in ("blue", "green", "red")}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert max(shares, key=shares.__getitem__) == row["prediction"]
    again = predicted(run, photos, tmp_path, "batch_size=1")
    assert [float(one["probability"]) for one in again] == pytest.approx(
        [float(one["probability"]) for one in rows], abs=1e-4
    )


def test_the_best_classes_are_named_in_order(run, photos, tmp_path):
    every, best = predicted(run, photos, tmp_path), predicted(run, photos, tmp_path, "top=2")
    for row, two in zip(every, best, strict=True):
        ranked = sorted(("blue", "green", "red"), key=lambda name: -float(row[f"p({name})"]))
        assert [two["prediction"], two["prediction 2"]] == ranked[:2]
        assert float(two["probability 2"]) == pytest.approx(float(row[f"p({ranked[1]})"]))
        assert "p(red)" not in two
    with pytest.raises(ConfigError, match="top"):
        predicted(run, photos, tmp_path, "top=-1")


def test_every_prediction_has_a_picture_of_what_speaks_for_it(run, photos, tmp_path):
    rows = predicted(run, photos, tmp_path, f"pictures={tmp_path / 'heat'}")
    drawn = sorted((tmp_path / "heat").iterdir())
    assert len(drawn) == len(rows)
    assert drawn[0].name == f"0001-{Path(rows[0]['file']).stem}.png"
    assert Image.open(drawn[0]).size[0] > 300


def test_the_report_has_every_picture_and_so_has_tensorboard(run):
    names = {one.stem for one in (run.dir / "pictures").iterdir()}
    wanted = {"curves", "confusion", "classes", "reliability"} | (
        {"errors"} if run.metrics["test/accuracy"] < 1 else set()
    )
    assert names == wanted
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (events,) = {one.parent for one in run.dir.rglob("events.out.tfevents*")}
    read = EventAccumulator(str(events), size_guidance={"images": 0}).Reload()
    assert {f"report/{name}" for name in wanted} <= set(read.Tags()["images"])


def test_evaluation_on_other_photos_keeps_the_classes(run, photos, tmp_path, capsys):
    for name in ("red", "blue"):
        (tmp_path / "other" / name).mkdir(parents=True)
        for one in (photos / "test" / name).iterdir():
            (tmp_path / "other" / name / one.name).write_bytes(one.read_bytes())
    evaluate_command([f"run={run.dir}", f"data.path={tmp_path / 'other'}"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    rows = [one for one in predicted(run, photos, tmp_path) if "/green/" not in one["file"]]
    right = [Path(one["file"]).parent.name == one["prediction"] for one in rows]
    assert found["test/accuracy"] == pytest.approx(np.mean(right), abs=1e-6)
    (tmp_path / "other" / "yellow").mkdir()
    (tmp_path / "other" / "yellow" / "a.png").write_bytes((photos / "test/red/red0.png").read_bytes())
    with pytest.raises(ZooError, match="class 'yellow' is none of training"):
        evaluate_command([f"run={run.dir}", f"data.path={tmp_path / 'other'}"])


def test_views_of_a_picture_are_averaged_as_probabilities(run, photos):
    task, data = run.model.task, run.model.data
    views = torch.stack([data.read(photos / "test").plain([place, place + 1]) for place in range(3)])
    with torch.no_grad():
        together = task.outputs(task.predict_from(views))
        temperature, task.temperature = task.temperature, None
        each = torch.stack([task.outputs(task.predict_from(one)) for one in views.unbind(1)])
        plain = task.outputs(task.predict_from(views))
        task.temperature = temperature
    torch.testing.assert_close(plain, each.mean(0), rtol=1e-4, atol=1e-6)
    assert together.sum(1).tolist() == pytest.approx([1] * 3, abs=1e-5)


def test_weights_are_evaluated_without_a_run(run, photos, tmp_path, capsys):
    state = {name: value for name, value in run.model.task.model.state_dict().items() if "normalise" not in name}
    names = {"backbone.": "", "head.linear.": "linear."}
    renamed = {}
    for name, value in state.items():
        for own, foreign in names.items():
            if name.startswith(own):
                renamed[foreign + name.removeprefix(own)] = value
    torch.save(renamed, tmp_path / "weights.pth")
    words = ["model=cifar_resnet", "model.depth=20", "data=images", "data.size=16", f"data.path={photos}"]
    assert evaluate_command([*words, f"model.weights={tmp_path / 'weights.pth'}", "split=test"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["test/accuracy"] == pytest.approx(run.metrics["test/accuracy"], abs=1e-6)
    with pytest.raises(ZooError, match="run: is missing"):
        evaluate_command(words)
    del renamed["linear.weight"], renamed["linear.bias"]
    torch.save(renamed, tmp_path / "headless.pth")
    with pytest.raises(ZooError, match=r"model\.weights: have no head for 3 classes"):
        evaluate_command([*words, f"model.weights={tmp_path / 'headless.pth'}"])


@pytest.mark.parametrize(
    "options", [["data.mixup=0.3", "data.cutmix=1", "data.balance=weights"], ["data.balance=sampler"]]
)
def test_mixing_and_balance_train(photos, tmp_path, options):
    words = [*FEW, f"data.path={photos}", *options, "trainer.max_epochs=1", "report=false", "logger=null"]
    assert np.isfinite(zoo.train(zoo.compose(words), tmp_path / "run").metrics["test/loss"])


def test_a_loss_that_takes_no_shares_is_refused_before_training(photos, tmp_path):
    words = [*FEW, f"data.path={photos}", "data.mixup=0.3", "loss=focal"]
    with pytest.raises(ZooError, match=r"data\.mixup"):
        zoo.train(zoo.compose(words), tmp_path / "run")
    assert not (tmp_path / "run").exists()
