"""Embeddings are learned, measured, drawn and written; what is not made for them is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import ZooError
from zoo.harness.export import export
from zoo.report.embeddings import components, draw_embeddings, report_embeddings

QUIET = ["model=mlp", "model.width=32", "logger=null", "trainer.enable_progress_bar=false", "seed=1"]
DIGITS = ["data=digits", "trainer.max_epochs=4", *QUIET]


@pytest.mark.parametrize("loss", ["triplet", "contrastive", "[triplet,contrastive]"])
def test_near_is_alike_after_a_few_epochs(loss: str, tmp_path: Path) -> None:
    run = zoo.train(zoo.compose([*DIGITS, f"loss={loss}", "report=false"]), tmp_path / "run")
    assert run.metrics["test/recall_at_k"] > 0.85


def test_the_run_is_reported_and_predicts_vectors(tmp_path: Path) -> None:
    words = [*DIGITS, "loss=triplet", "task.dimensions=5", "task.normalise=true", "trainer.max_epochs=2"]
    run = zoo.train(zoo.compose(["task=embedding", *words]), tmp_path / "run")
    assert "Test embeddings" in (tmp_path / "run" / "report.html").read_text()
    assert (tmp_path / "run" / "pictures" / "embeddings.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "run" / "pictures" / "confusion_matrix.png").exists()
    table = tmp_path / "digits.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"pixel_{row}_{column}" for row in range(8) for column in range(8)])
        writer.writerows(np.random.default_rng(0).integers(0, 16, (3, 64)).tolist())
    rows = list(zoo.load(tmp_path / "run").predict(table))
    assert [list(row) for row in rows] == [[f"embedding({place})" for place in range(5)]] * 3
    lengths = [sum(value**2 for value in row.values()) for row in rows]
    assert lengths == pytest.approx([1.0] * 3, rel=1e-5)
    assert run.metrics["test/recall_at_k"] > 0.25
    model = zoo.load(tmp_path / "run")
    assert export(model, "torch_export", tmp_path / "embedding.pt2") < 1e-6
    extra = {"zoo.json": ""}
    program = torch.export.load(tmp_path / "embedding.pt2", extra_files=extra).module()
    assert json.loads(extra["zoo.json"])["output"] == "embeddings"
    assert program(torch.randn(4, 64)).norm(dim=1).tolist() == pytest.approx([1.0] * 4, rel=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["loss=cross_entropy", "task=embedding"], "loss=cross_entropy: is for predictions that are scores"),
        (["loss=triplet", "task=classification"], "set task=embedding"),
        (["loss=triplet", "metric=accuracy"], "metric=accuracy: reads scores"),
        (["metric=recall_at_k"], "metric=recall_at_k: reads embeddings"),
        (["loss=[triplet,cross_entropy]"], "want different predictions"),
    ],
)
def test_what_is_not_made_for_embeddings_is_refused(words: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ZooError) as caught:
        zoo.train(zoo.compose([*DIGITS, *words]), tmp_path / "run")
    assert said in str(caught.value)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_components_are_those_of_the_covariance() -> None:
    points = torch.randn(200, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) @ torch.diag(
        torch.tensor([5.0, 3.0, 1.0, 0.5, 0.2, 0.1], dtype=torch.float64)
    )
    found, shares = components(points)
    values = np.linalg.eigvalsh(np.cov(points.numpy().T, bias=True))[::-1]
    np.testing.assert_allclose(found.var(0), values[:2], rtol=1e-9)
    np.testing.assert_allclose(shares, values[:2] / values.sum(), rtol=1e-9)


@pytest.mark.parametrize("shape", [(2, 1), (2, 7), (40, 1), (6000, 3)])
def test_any_embeddings_can_be_drawn(shape: tuple[int, int]) -> None:
    points = torch.randn(*shape)
    classes = torch.arange(shape[0]) % 40
    assert draw_embeddings(points, classes, None).png.startswith(b"\x89PNG")
    assert draw_embeddings(torch.zeros(shape), classes, None).png.startswith(b"\x89PNG")


def test_embeddings_that_are_no_numbers_are_counted() -> None:
    points = torch.randn(5, 2)
    points[1, 0] = torch.inf
    assert report_embeddings(points, torch.arange(5), None).text.startswith("1 of 5 embeddings")
    assert report_embeddings(points * torch.nan, torch.arange(5), None).pictures == []
