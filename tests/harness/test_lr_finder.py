"""The learning-rate finder keeps ratios, finds what a quadratic says, and changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.commands.lr import lr_command
from zoo.errors import ZooError
from zoo.finetuning.finetuning import Finetuning
from zoo.harness.lr_finder import Trial, find_rate

WORDS = ["data=digits", "model=mlp", "logger=null", "report=false", "trainer.enable_progress_bar=false"]


def test_rates_grow_exponentially_from_one_bound_to_the_other():
    trial = find_rate(zoo.compose(WORDS), steps=20, low=1e-6, high=1e-3)
    assert trial.rates == pytest.approx([1e-6 * 1000 ** (step / 19) for step in range(20)])
    assert len(trial.losses) == 20


def test_batches_whose_gradients_are_added_up_have_one_rate():
    words = [*WORDS, "data.batch_size=64"]
    trial = find_rate(zoo.compose([*words, "trainer.accumulate_grad_batches=2"]), steps=12, low=1e-6, high=1e-3)
    assert trial.rates == pytest.approx([1e-6 * 1000 ** (step / 11) for step in range(12)])
    assert len(trial.losses) == 12
    assert trial.losses[0] == pytest.approx(math.log(10), rel=0.2)  # of a guess, not a part of it


@pytest.mark.parametrize("init", ["default", "lsuv"])
def test_a_trial_begins_where_a_training_does(init, tmp_path):
    """Layers whose initialisation wants data included."""
    config = zoo.compose([*WORDS, f"model.init={init}", "trainer.max_epochs=1", "trainer.limit_train_batches=1"])
    run = zoo.train(config, tmp_path / "run")
    assert find_rate(config, steps=10).losses[0] == pytest.approx(run.metrics["train/epoch_loss"], rel=1e-6)


def test_every_group_keeps_its_share():
    words = ["data=digits", "model=mlp", *WORDS[2:], "optimizer=adamw"]
    trial = find_rate(zoo.compose([*words, "optimizer.lr=0.01"]), steps=10, low=1e-5, high=1e-2)
    for rate, groups in zip(trial.rates, trial.groups, strict=True):
        assert groups == pytest.approx([rate] * len(groups))


@pytest.mark.parametrize("optimizer", ["sam", "lookahead", "schedule_free"])
def test_an_optimizer_around_another_has_its_rate_grow(optimizer):
    """Where `optimizer.lr` is left out, it is that of the optimizer inside."""
    config = zoo.compose([*WORDS, f"optimizer={optimizer}"])
    assert config["optimizer"]["lr"] is None
    trial = find_rate(config, steps=10, low=1e-5, high=1e-2)
    for rate, groups in zip(trial.rates, trial.groups, strict=True):
        assert groups == pytest.approx([rate] * len(groups))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    words = ["data=images", f"data.path={tmp_path / 'photos'}", "data.size=8", "data.batch_size=4", *WORDS[2:]]
    return [*words, "model=cifar_resnet", "model.depth=20"]


def test_discriminative_rates_keep_their_ratios(photos):
    words = [*photos, "finetune=full", "finetune.factor=0.5", "finetune.frozen_epochs=0"]
    trial = find_rate(zoo.compose(words), steps=10, low=1e-6, high=1e-4)
    first = [one / trial.groups[0][-1] for one in trial.groups[0]]
    assert min(first) == pytest.approx(0.5**4)  # stem, layer1, layer2, layer3, head
    for groups in trial.groups:
        assert [one / groups[-1] for one in groups] == pytest.approx(first)


def test_a_trial_stays_in_one_phase_whatever_its_length(photos, monkeypatch):
    """Epochs have 3 batches: in 12 steps a run would have gone through all phases."""
    seen = []
    begin = Finetuning.begin_epoch
    monkeypatch.setattr(
        Finetuning, "begin_epoch", lambda self, epoch: (begin(self, epoch), seen.append(self.freezing.trains))[0]
    )
    phases = "[{epochs: 1, train: head}, {epochs: 1, train: [layer3, head], lr: 0.02, schedule: one_cycle},"
    phases += " {train: all, optimizer: sgd}]"
    words = [*photos, "finetune=schedule", f"finetune.phases={phases}"]
    for phase, trains, own in ((1, ["head"], False), (2, ["layer3", "head"], True), (3, None, True)):
        seen.clear()
        trial = find_rate(zoo.compose(words), steps=12, low=1e-5, high=1e-3, phase=phase)
        assert len(seen) >= 4
        assert all(set(one) == set(seen[0]) for one in seen)
        assert trains is None or set(seen[0]) == set(trains)
        assert trial.own is own
        assert [one[-1] for one in trial.groups] == pytest.approx(trial.rates)
    words[-1] = "finetune.phases=[{train: head, optimizer: sgd}]"
    trial = find_rate(zoo.compose(words), steps=10, low=1e-5, high=1e-3)
    assert trial.own
    assert [one[-1] for one in trial.groups] == pytest.approx(trial.rates)
    words[-1] = f"finetune.phases={phases}"
    with pytest.raises(ZooError, match="phase: 4: the run has 3 phases"):
        find_rate(zoo.compose(words), phase=4)


def test_on_a_quadratic_it_suggests_less_than_what_diverges():
    """Plain descent on mean squared error of a linear model diverges from 2 / the largest curvature on."""
    words = ["data=diabetes", "model=linear", "loss=mse", "optimizer=sgd", "optimizer.lr=0.1", *WORDS[2:]]
    words += ["data.batch_size=512", "data.val=0.1", "data.test=0.1"]
    data = zoo.build("data", "diabetes", val=0.1, test=0.1)
    data.setup()
    dataset = data.dataset("train")
    inputs = dataset.__getitems__(range(len(dataset)))[0].double()
    augmented = torch.cat([inputs, torch.ones(len(inputs), 1)], 1)
    curvature = 2 * torch.linalg.eigvalsh(augmented.T @ augmented / len(inputs)).max()
    trial = find_rate(zoo.compose(words), steps=150, low=1e-4, high=100)
    assert trial.suggestion < 2 / curvature
    assert trial.diverges is not None
    assert trial.diverges > 2 / curvature


def test_a_training_after_it_is_the_training_without_it(tmp_path):
    config = [*WORDS, "trainer.max_epochs=1"]
    before = zoo.train(zoo.compose(config), tmp_path / "before")
    torch.manual_seed(5)
    state = torch.get_rng_state()
    find_rate(zoo.compose(config), steps=10)
    assert torch.equal(torch.get_rng_state(), state)
    after = zoo.train(zoo.compose(config), tmp_path / "after")
    for name, value in before.model.task.state_dict().items():
        assert torch.equal(after.model.task.state_dict()[name], value)


def test_the_suggestion_is_where_the_loss_falls_fastest():
    rates = [10**power for power in range(-12, 0)]
    falling = [5.0] * 7 + [4.5, 2.0, 1.0, 1.5, 3.0]
    assert Trial(rates, falling, falling, []).suggestion == 1e-4
    rising = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert Trial(rates, rising, rising, []).suggestion < 1e-7


def test_the_command_prints_an_override_and_draws(tmp_path, capsys):
    assert lr_command([*WORDS, "steps=30", f"output={tmp_path / 'new'}"]) == 0
    printed = capsys.readouterr().out.strip()
    assert printed.startswith("optimizer.lr=")
    assert 1e-7 < zoo.compose([*WORDS, printed])["optimizer"]["lr"] < 10
    assert (tmp_path / "new/lr.png").read_bytes().startswith(b"\x89PNG")
    for wrong, problem in (
        (["steps=many"], "'many' is no whole number"),
        (["steps=inf"], "'inf' is no whole number"),
        (["from=low"], "'low' is no number"),
        (["from=1", "to=0.1"], "give 0 < from < to"),
        (["to=inf"], "give 0 < from < to"),
        (["phase=2"], "the run has no phases"),
        ([f"output={tmp_path / 'new/lr.png'}"], "cannot be written: File exists"),
    ):
        with pytest.raises(ZooError, match=problem):
            lr_command([*WORDS, *wrong])
