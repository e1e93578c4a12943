"""Soups: the mean of weights, chosen by validation."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.commands.soup import soup_command
from zoo.errors import ZooError
from zoo.finetuning.merging import merge
from zoo.harness.evaluation import evaluate
from zoo.harness.run import load
from zoo.harness.soup import Ingredient, _greedy, soup

WORDS = ["data=digits", "model=mlp", "trainer.enable_progress_bar=false", "logger=null", "report=false"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three that went on from the same weights, as a soup needs, with other orders of batches; and one of 1 step."""
    folder = tmp_path_factory.mktemp("runs")
    found = []
    for seed, steps in ((0, 200), (1, 200), (2, 1)):
        words = [*WORDS, "trainer.max_epochs=-1", f"trainer.max_steps={steps}", f"seed={seed}", "data.seed=0"]
        found.append(zoo.train(zoo.compose([*words, "optimizer.lr=0.001"]), folder / str(seed)))
    return found


def test_a_uniform_soup_has_the_mean_of_all_weights(runs, tmp_path):
    run = soup([one.dir for one in runs], tmp_path / "soup", "uniform")
    states = [one.model.task.state_dict() for one in runs]
    for name, value in run.model.task.state_dict().items():
        torch.testing.assert_close(value, sum(state[name].double() for state in states).div(3).to(value.dtype))
    assert json.loads((run.dir / "run.json").read_text())["soup"]["of"] == [str(one.dir) for one in runs]


def test_a_soup_is_a_run(runs, tmp_path):
    run = soup([runs[0].dir, runs[1].dir], tmp_path / "soup", "uniform")
    found = evaluate(str(run.dir))
    assert found["test/accuracy"] == pytest.approx(run.metrics["test/accuracy"])
    assert evaluate(str(run.dir), split="val")["test/loss"] == pytest.approx(run.metrics["val/loss"], rel=1e-5)


def test_a_greedy_soup_validates_no_worse_than_its_best_run(runs, tmp_path):
    run = soup([one.dir for one in runs], tmp_path / "soup")
    best = min(evaluate(str(one.dir), split="val")["test/loss"] for one in runs)
    assert run.metrics["val/loss"] <= best + 1e-6


@pytest.mark.parametrize("better", [1, -1])
def test_greedy_is_the_algorithm_of_the_paper(better):
    """Weights are numbers, and validation likes those near 3."""
    values = [9.0, 2.0, 3.5, 2.9]
    every = [Ingredient(str(v), {"w": torch.tensor(v)}, -better * abs(v - 3)) for v in values]
    chosen = _greedy(every, better, lambda state: -better * abs(float(state["w"]) - 3))
    soup_of, rest = [2.9], [3.5, 2.0, 9.0]
    for one in rest:
        mean = sum([*soup_of, one]) / (len(soup_of) + 1)
        if abs(mean - 3) <= abs(sum(soup_of) / len(soup_of) - 3):
            soup_of.append(one)
    assert [one.path for one in chosen] == [str(v) for v in soup_of]


def test_a_run_that_has_diverged_is_added_last():
    every = [Ingredient(str(v), {"w": torch.tensor(v)}, v) for v in (float("nan"), 2.0, 1.0)]
    chosen = _greedy(every, -1, lambda state: float(state["w"]))
    assert [one.path for one in chosen] == ["1.0"]


def test_adapters_are_merged_before_the_mean(tmp_path):
    """The mean of B A over runs is not the mean of B times the mean of A."""
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    words = ["data=images", f"data.path={tmp_path / 'photos'}", "data.size=8", "data.cache=none", "data.seed=0"]
    words += ["model=cifar_resnet", "model.depth=20", "finetune=lora", "finetune.rank=2", "optimizer.lr=0.02"]
    config = [*words, *WORDS[2:], "trainer.max_epochs=1"]
    made = [zoo.train(zoo.compose([*config, f"seed={seed}"]), tmp_path / f"{seed}") for seed in (0, 1)]
    run = soup([one.dir for one in made], tmp_path / "soup", "uniform")
    states = [merge(load(one.dir).task.model).state_dict() for one in made]
    found = run.model.task.model.state_dict()
    assert found.keys() == states[0].keys()
    moved = 0.0
    for name, value in found.items():
        mean = sum(state[name].double() for state in states).div(2).to(value.dtype)
        torch.testing.assert_close(value, mean)
        moved = max(moved, float((states[0][name].double() - states[1][name].double()).abs().max()))
    assert moved > 0.01
    assert len(run.predict(str(tmp_path / "photos/ant"))) == 8


def test_a_temperature_is_fitted_to_the_mean(tmp_path):
    words = [*WORDS, "task=classification", "task.calibrate=temperature", "data.seed=0", "trainer.max_epochs=2"]
    made = [zoo.train(zoo.compose([*words, f"seed={seed}"]), tmp_path / f"{seed}") for seed in (0, 1)]
    run = soup([one.dir for one in made], tmp_path / "soup", "uniform")
    model = run.model
    data = zoo.build("data", "digits", seed=0)
    data.setup()
    dataset = data.dataset("val")
    inputs, targets = dataset.__getitems__(range(len(dataset)))
    with torch.no_grad():
        logits = model.task.predict_from(inputs).double()

    def likelihood(temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits / temperature, targets))

    found = float(model.task.temperature)
    assert likelihood(found) < min(likelihood(found * 1.05), likelihood(found / 1.05))


def test_runs_that_split_their_data_otherwise_are_named(runs, tmp_path, capsys, monkeypatch):
    """Another split of a table has other means, by which its inputs are standardised; without that, it is told."""
    words = [*WORDS, "trainer.max_epochs=1", "seed=5"]
    other = zoo.train(zoo.compose(words), tmp_path / "other")
    with pytest.raises(ZooError, match="prepared otherwise"):
        soup([runs[0].dir, other.dir], tmp_path / "soup")
    assert not (tmp_path / "soup").exists()
    monkeypatch.setattr("zoo.harness.soup._meaning", lambda model: None)
    soup([runs[0].dir, other.dir], tmp_path / "soup")
    assert "may have trained on what validates here" in capsys.readouterr().err


def test_a_folder_that_holds_a_run_is_not_overwritten(runs, monkeypatch):
    monkeypatch.setattr("zoo.harness.soup.measured", lambda *_: pytest.fail("tasted, and only then refused"))
    with pytest.raises(ZooError, match="holds a run already"):
        soup([runs[0].dir, runs[1].dir], runs[2].dir)


def test_runs_that_do_not_fit_together_are_refused(runs, tmp_path):
    wide = zoo.train(zoo.compose([*WORDS, "trainer.max_epochs=1", "model.width=17"]), tmp_path / "wide")
    other = zoo.train(zoo.compose(["data=breast_cancer", *WORDS[1:], "trainer.max_epochs=1"]), tmp_path / "other")
    with pytest.raises(ZooError, match="other names or shapes"):
        soup([runs[0].dir, wide.dir], tmp_path / "a")
    with pytest.raises(ZooError, match="its classes are not those of"):
        soup([runs[0].dir, other.dir], tmp_path / "b")
    with pytest.raises(ZooError, match="a soup needs two or more"):
        soup_command([f"run={runs[0].dir}", f"output={tmp_path / 'c'}"])
    with pytest.raises(ZooError, match="choose one of greedy, uniform"):
        soup_command([f"run=[{runs[0].dir},{runs[1].dir}]", f"output={tmp_path / 'd'}", "method=thick"])
