"""Exported files compute what the model computes, say what they need, and are refused where they do not."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.commands.export import export_command
from zoo.errors import ConfigError, RunError, ZooError
from zoo.finetuning.merging import merge
from zoo.harness import export as exporting
from zoo.harness.export import export
from zoo.harness.run import load

QUIET = ["trainer.enable_progress_bar=false", "logger=null", "report=false", "task=classification"]


@pytest.fixture(scope="module")
def table_run(tmp_path_factory):
    words = ["data=digits", "model=mlp", "trainer.max_epochs=1", "task.calibrate=temperature", *QUIET]
    return zoo.train(zoo.compose(words), tmp_path_factory.mktemp("runs") / "table")


@pytest.fixture(scope="module")
def image_run(tmp_path_factory):
    root, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in ("ant", "bee"):
        (root / name).mkdir()
        for number in range(10):
            Image.fromarray(draw.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(root / name / f"{number}.png")
    words = [
        "data=images",
        f"data.path={root}",
        "data.size=16",
        "data.cache=none",
        "model=cifar_resnet",
        "model.depth=20",
    ]
    words += ["finetune=lora", "finetune.rank=2", "trainer.max_epochs=1", *QUIET]
    return zoo.train(zoo.compose(words), tmp_path_factory.mktemp("runs") / "images")


@pytest.fixture(params=["table", "images"])
def run(request):
    return request.getfixturevalue("table_run" if request.param == "table" else "image_run")


def inputs_and_logits(run, count: int):
    """Inputs of any batch size, and what the run's task makes of them, calibrated."""
    generator = torch.Generator().manual_seed(count)
    if "image_size" in run.model.facts:
        inputs = torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=generator)
    else:
        inputs = torch.randn(count, 64, generator=generator)
    task = load(run.dir).task
    with torch.no_grad():
        logits = task.predict_from(inputs)
    return inputs, logits / (1 if task.temperature is None else task.temperature)


@pytest.mark.parametrize("kind", ["onnx", "torch_export"])
def test_a_file_computes_what_the_model_computes_for_any_batch(run, kind, tmp_path):
    path = tmp_path / "model"
    assert export(load(run.dir), kind, path) <= 1e-4
    for count in (1, 2, 7):
        inputs, expected = inputs_and_logits(run, count)
        if kind == "onnx":
            onnxruntime = pytest.importorskip("onnxruntime")
            session = onnxruntime.InferenceSession(path.read_bytes())
            found = torch.from_numpy(session.run(None, {"inputs": inputs.numpy()})[0])
            about = json.loads(session.get_modelmeta().custom_metadata_map["zoo"])
        else:
            files = {"zoo.json": ""}
            found = torch.export.load(path, extra_files=files).module()(inputs)
            about = json.loads(files["zoo.json"])
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        assert about["class_names"] == run.model.facts["class_names"]
        assert about["output"] == "logits"
        if "image_size" in run.model.facts:
            assert about["preprocessing"]["size"] == 16


def test_weights_exported_are_weights_to_start_from(image_run, tmp_path):
    path = tmp_path / "model.safetensors"
    assert export(load(image_run.dir), "safetensors", path) == 0
    inputs, expected = inputs_and_logits(image_run, 3)
    model = zoo.build("model", "cifar_resnet", depth=20, num_classes=2, weights=str(path)).eval()
    assert model.weights_report.head_loaded
    assert model.weights_classes == ["ant", "bee"]
    with torch.no_grad():
        torch.testing.assert_close(model(inputs), expected)


def test_a_new_run_starts_from_exported_weights_and_what_they_say_of_pictures(image_run, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    export(load(image_run.dir), "safetensors", path)
    words = ["data=images", f"data.path={image_run.config['data']['path']}", "data.cache=none", "model=cifar_resnet"]
    words += ["model.depth=20", f"model.weights={path}", "finetune=head", "trainer.max_epochs=1", *QUIET]
    run = zoo.train(zoo.compose(words), tmp_path / "run")
    assert "its head as well" in capsys.readouterr().err
    plan = run.model.data.state_dict()["preprocessing"]
    assert (plan["size"], plan["resize"]) == (16, 16)  # and no data.size
    started = merge(load(image_run.dir).task.model).state_dict()
    for name, value in run.model.task.model.state_dict().items():
        assert name.startswith("head.") != torch.equal(value, started[name])


def test_weights_alone_say_what_is_left_to_do(table_run, tmp_path):
    safetensors = pytest.importorskip("safetensors")
    export(load(table_run.dir), "safetensors", tmp_path / "model.safetensors")
    with safetensors.safe_open(str(tmp_path / "model.safetensors"), framework="pt") as file:
        about = json.loads(file.metadata()["zoo"])
    assert about["temperature"] == float(load(table_run.dir).task.temperature) != 1
    export(load(table_run.dir), "torch_export", tmp_path / "model.pt2")
    torch.export.load(tmp_path / "model.pt2", extra_files=(files := {"zoo.json": ""}))
    assert "temperature" not in json.loads(files["zoo.json"])  # its logits are divided already


def test_a_regression_is_exported_in_original_units(tmp_path):
    words = ["data=diabetes", "model=mlp", "trainer.max_epochs=2", *QUIET[:-1]]
    run = zoo.train(zoo.compose(words), tmp_path / "run")
    export(load(run.dir), "torch_export", tmp_path / "model.pt2")
    inputs = torch.randn(5, 10)
    task = load(run.dir).task
    with torch.no_grad():
        expected = task.outputs(task.predict_from(inputs))
    torch.testing.assert_close(torch.export.load(tmp_path / "model.pt2").module()(inputs), expected)
    assert expected.mean() > 50  # diabetes progression, not standard deviations


def test_a_file_that_computes_something_else_is_removed(table_run, tmp_path, monkeypatch):
    right = exporting._READERS["torch_export"]
    monkeypatch.setitem(exporting._READERS, "torch_export", lambda *args: [one + 0.01 for one in right(*args)])
    with pytest.raises(RunError, match=r"differs by 0\.0\d+ from the model, and was removed"):
        export(load(table_run.dir), "torch_export", tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [0, 1])
def test_an_output_that_is_no_number_is_a_difference(table_run, tmp_path, monkeypatch, place):
    right = exporting._READERS["torch_export"]

    def wrong(*args):
        found = right(*args)
        found[place] = found[place] * float("nan")
        return found

    monkeypatch.setitem(exporting._READERS, "torch_export", wrong)
    with pytest.raises(RunError, match="differs by nan"):
        export(load(table_run.dir), "torch_export", tmp_path / "model.pt2")


def test_a_model_that_a_format_cannot_hold_is_one_line(table_run, tmp_path, capfd):
    class Choosy(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, inputs):
            logits = self.inner(inputs)
            return logits if float(logits.sum()) > 0 else 2 * logits

    model = load(table_run.dir)
    model.task.model = Choosy(model.task.model)
    capfd.readouterr()
    with pytest.raises(RunError, match=r"format=torch_export cannot hold this model \(.*\); try another") as caught:
        export(model, "torch_export", tmp_path / "model.pt2")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def test_a_model_for_sequences_is_refused(tmp_path):
    words = ["data=copy", "model=luong", "trainer.max_epochs=-1"]
    run = zoo.train(zoo.compose([*words, "trainer.max_steps=1", *QUIET[:-1]]), tmp_path / "run")
    with pytest.raises(ConfigError, match="no file holds a search"):
        export(load(run.dir), "onnx", tmp_path / "model.onnx")


def test_a_forecast_is_refused(tmp_path):
    """What the model sees of a window is not all that its values are made of."""
    rows = [f"s{row}," + ",".join(str(10 + row + step % 4 + 0.1 * step) for step in range(30)) for row in range(4)]
    (tmp_path / "wide.csv").write_text("\n".join(["id," + ",".join(f"v{step}" for step in range(30)), *rows]) + "\n")
    words = ["data=series", f"data.path={tmp_path / 'wide.csv'}", "data.horizon=4", "data.season=4", "model=mlp"]
    run = zoo.train(zoo.compose([*words, "trainer.max_epochs=1", *QUIET[:-1]]), tmp_path / "run")
    for kind in ("onnx", "torch_export", "safetensors"):
        with pytest.raises(ConfigError, match="task=forecast does more with its inputs"):
            export(load(run.dir), kind, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_command_says_what_it_did_and_what_is_wrong(table_run, tmp_path, capsys):
    words = [f"run={table_run.dir}", f"output={tmp_path / 'm.pt2'}"]
    assert export_command([*words, "format=torch_export"]) == 0
    assert "read back, it differs from the model by" in capsys.readouterr().err
    for wrong, problem in (
        ([*words, "format=pickle"], "choose one of onnx, torch_export, safetensors"),
        ([*words, "format=onnx", "opset=3"], "opset: no such option"),
        ([words[0], "output=/nowhere/at/all/m.onnx", "format=onnx"], "its folder does not exist"),
        ([f"run={tmp_path}", words[1], "format=onnx"], str(tmp_path)),
        ([words[0], "output=/proc/m.onnx", "format=safetensors"], "/proc/m.onnx: cannot be written"),
    ):
        with pytest.raises(ZooError, match=problem):
            export_command(wrong)


def test_a_missing_package_is_named_with_its_extra(table_run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"needs onnxscript; pip install 'attention-zoo\[export\]'"):
        export(load(table_run.dir), "onnx", tmp_path / "m.onnx")
