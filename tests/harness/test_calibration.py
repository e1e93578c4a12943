"""Temperature scaling: the best temperature, kept with the weights, and used."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

import zoo
from zoo.harness.calibration import calibration_error, fit_temperature, likelihood
from zoo.runs.checkpoints import read_checkpoint


def overconfident(factor: float, classes: int = 4, examples: int = 4000):
    """Logits whose probabilities come true once they are divided by the factor."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(examples, classes, generator=generator, dtype=torch.float64)
    targets = torch.multinomial(logits.softmax(1), 1, generator=generator).squeeze(1)
    return logits * factor, targets


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_the_temperature_is_the_one_that_scipy_finds(factor):
    logits, targets = overconfident(factor)
    best = minimize_scalar(
        lambda t: float(likelihood(logits / np.exp(t), targets)),
        bounds=(-5, 5),
        method="bounded",
        options={"xatol": 1e-9},
    )
    found = fit_temperature(logits, targets)
    assert found == pytest.approx(np.exp(best.x), rel=1e-4)
    assert found == pytest.approx(factor, rel=0.1)
    assert likelihood(logits / found, targets) <= likelihood(logits, targets)
    assert calibration_error(logits / found, targets) < 0.03


def test_indicators_have_one_temperature_too():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5000, 2, generator=generator, dtype=torch.float64)
    targets = torch.bernoulli(logits.sigmoid(), generator=generator)
    assert fit_temperature(3 * logits, targets, indicators=True) == pytest.approx(3, rel=0.1)


def test_where_no_temperature_is_best_it_stays_in_bounds():
    logits, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    assert 0.0099 <= fit_temperature(logits, targets) <= 1
    assert fit_temperature(logits, 1 - targets) == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
def test_a_run_keeps_its_temperature_and_uses_it(tmp_path, capsys, loss):
    words = ["data=breast_cancer", "model=mlp", "trainer.max_epochs=30", "optimizer.lr=0.03", f"loss={loss}"]
    words += ["task=classification", "trainer.enable_progress_bar=false", "logger=null"]
    plain = zoo.train(zoo.compose([*words, "report=false"]), tmp_path / "plain")
    run = zoo.train(zoo.compose([*words, "task.calibrate=temperature"]), tmp_path / "run")
    assert "validation log loss" in capsys.readouterr().err
    temperature = float(read_checkpoint(run.folder.best)["state_dict"]["temperature"])
    assert temperature != 1
    assert run.metrics["test/accuracy"] == plain.metrics["test/accuracy"]
    rows = torch.linspace(-1, 1, 5 * 30).view(5, 30)
    task, other = run.model.task, plain.model.task
    with torch.no_grad():
        expected = other.outputs(other.predict_from(rows) / temperature)
        torch.testing.assert_close(task.outputs(task.predict_from(rows)), expected)
    assert f"divided by {temperature:.3g}" in (tmp_path / "run/report.html").read_text()
