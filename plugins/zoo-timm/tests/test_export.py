"""A trained backbone, exported: what each kind of file computes is what the model computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zoo
from PIL import Image
from zoo.harness.evaluation import evaluate_weights
from zoo.harness.export import export

#: What takes a file apart, beside torch.
NEEDS = {"onnx": ["onnx", "onnxruntime"], "torch_export": [], "safetensors": ["safetensors"]}


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
@pytest.mark.parametrize("kind", NEEDS)
def test_a_file_computes_what_the_model_computes(backbone: str, kind: str, tmp_path: Path) -> None:
    for needed in NEEDS[kind]:
        pytest.importorskip(needed)
    draw = np.random.default_rng(0)
    for name, base in (("dark", 0), ("light", 90)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            pixels = (draw.integers(0, 160, (40, 50, 3)) + base).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    words = ["data=images", f"data.path={tmp_path / 'photos'}", "data.batch_size=4", "data.cache=none"]
    words += ["model=timm", f"model.backbone={backbone}", "logger=null", "report=false"]
    words += ["trainer.accelerator=cpu", "trainer.devices=1", "trainer.enable_progress_bar=false"]
    run = zoo.train(zoo.compose([*words, "model.weights=none", "trainer.max_epochs=1"]), tmp_path / "run")
    file = tmp_path / f"model.{kind}"
    assert export(run.model, kind, file) < 1e-4
    assert file.stat().st_size > 100_000
    if kind == "safetensors":
        found = evaluate_weights(zoo.compose([*words, f"model.weights={file}"]), "test")
        assert found["test/loss"] == pytest.approx(run.metrics["test/loss"], rel=1e-4)
