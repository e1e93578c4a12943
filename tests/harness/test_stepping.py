"""What runs do for optimizers before a step: whole epochs, clipping, groups; and what they cannot do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.errors import ZooError
from zoo.harness.lr_finder import find_rate


def weights_of(folder: Path) -> dict[str, Tensor]:
    content = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return {key.removeprefix("model."): value for key, value in content["state_dict"].items()}


def test_bgd_steps_once_an_epoch_along_the_gradient_of_all_examples(train: Callable[..., Any]) -> None:
    """Batches of 40, 40 and 25 against one of 105; class weights and penalties are weighed as there."""
    words = ("loss=cross_entropy", "loss.class_weights=[1,2,5]", "penalty=l2", "penalty.l2.weight=0.3")
    parts = train("optimizer=bgd", "optimizer.lr=0.3", "data.batch_size=40", *words, folder="parts")
    whole = train("optimizer=sgd", "optimizer.lr=0.3", "data.batch_size=105", *words, folder="whole")
    assert parts.metrics["train/steps"] == 3
    for name, weight in weights_of(whole.dir).items():
        torch.testing.assert_close(weights_of(parts.dir)[name], weight, atol=1e-6, rtol=1e-5, msg=name)


def test_bgd_resumes_exactly(train: Callable[..., Any], assert_same_end: Callable[..., None]) -> None:
    from zoo.harness.training import resume

    words = ("optimizer=bgd", "data.batch_size=40", "optimizer.momentum=0.5")
    train(*words, "trainer.max_epochs=2", folder="cut")
    straight = train(*words, "trainer.max_epochs=3", folder="straight")
    resumed = resume(straight.dir.parent / "cut", {"trainer.max_epochs": 3})
    for name, weight in weights_of(straight.dir).items():
        assert torch.equal(weights_of(resumed.dir)[name], weight), name


def test_gradients_are_clipped_by_value_by_any_norm_and_adaptively(train: Callable[..., Any]) -> None:
    """Changes of one step of SGD with learning rate 1 are minus the gradients."""
    still = ("optimizer=sgd", "data.batch_size=200", "trainer.max_epochs=1")
    begin = weights_of(train(*still, "optimizer.lr=1e-30", folder="begin").dir)

    def gradients(folder: str, *words: str) -> dict[str, np.ndarray]:
        after = weights_of(train(*still, "optimizer.lr=1", *words, folder=folder).dir)
        return {name: (begin[name] - after[name]).double().numpy() for name in begin}

    plain = gradients("plain")
    largest = max(np.abs(one).max() for one in plain.values())
    clips = {
        "{name: value, limit: 0.01}": {name: one.clip(-0.01, 0.01) for name, one in plain.items()},
        "{name: norm, limit: 0.02, p: inf}": {name: one * 0.02 / largest for name, one in plain.items()},
        "{name: adaptive, limit: 0.005}": {name: _adaptively(name, begin[name], one) for name, one in plain.items()},
    }
    assert largest > 0.02
    for number, (clip, expected) in enumerate(clips.items()):
        found = gradients(f"clipped{number}", f"optimizer.clip={clip}")
        for name, one in expected.items():
            np.testing.assert_allclose(found[name], one, atol=2e-7, rtol=1e-3, err_msg=f"{clip} {name}")
    assert any(not np.allclose(one, plain[name]) for name, one in clips["{name: adaptive, limit: 0.005}"].items())


def _adaptively(name: str, weight: Tensor, gradient: np.ndarray) -> np.ndarray:
    """Equation 3 of Brock et al. (2021), row by row."""
    if name.startswith("head."):
        return gradient
    rows = gradient.reshape(len(gradient), -1) if gradient.ndim > 1 else gradient.reshape(1, -1)
    own = weight.double().numpy().reshape(rows.shape)
    found = []
    for row, w in zip(rows, own, strict=True):
        most = 0.005 * max(np.linalg.norm(w), 1e-3)
        found.append(row * min(1, most / max(np.linalg.norm(row), 1e-30)))
    return np.stack(found).reshape(gradient.shape)


def test_groups_of_parameters_have_options_of_their_own(
    train: Callable[..., Any], checkpoint: Callable[..., dict[str, Any]]
) -> None:
    run = train(
        "optimizer.groups=[{match: 'head.*', lr: 0.5, name: top}]", "optimizer.lr=0.001", "trainer.max_epochs=1"
    )
    groups = checkpoint(run.dir)["optimizer_states"][0]["param_groups"]
    assert {one["name"]: one["lr"] for one in groups} == {
        "top": 0.5,
        "top no_decay": 0.5,
        "decay": 0.001,
        "no_decay": 0.001,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("optimizer=sam trainer.accumulate_grad_batches=2", "trainer.accumulate_grad_batches: optimizer=sam evaluates"),
        ("optimizer=lbfgs trainer.precision=16-mixed", "trainer.precision: optimizer=lbfgs .*; use bf16-mixed or 32"),
        (
            "optimizer=lookahead optimizer.inner=sam trainer.accumulate_grad_batches=2",
            "trainer.accumulate_grad_batches",
        ),
        ("optimizer=bgd trainer.accumulate_grad_batches=2", "trainer.accumulate_grad_batches: optimizer=bgd adds up"),
        ("optimizer=lookahead optimizer.inner=bgd", "optimizer=lookahead: bgd, which steps once an epoch, cannot be"),
        ("optimizer=bgd loss=rmse data=diabetes", "loss=rmse: is a root of a mean.*; use loss=mse, or one batch"),
        (
            "optimizer.groups=[{match:'hed.*'}]",
            r"optimizer.groups\[0\].match: no parameter is called 'hed.\*'; did you",
        ),
        ("optimizer.groups=[{match:'head.*',lt:1}]", r"optimizer.groups\[0\].lt: no such option of the optimizer"),
        ("optimizer.groups=[{match:'head.*',lr:-1}]", r"optimizer.groups\[0\].lr: .*greater than or equal to 0"),
        ("optimizer.groups=[{lr:1}]", r"optimizer.groups\[0\]: expected \{match: PATTERN"),
        ("optimizer.clip={name:norm,q:1}", "optimizer.clip.q: no such option; known: limit, p"),
        ("optimizer.clip=norm trainer.gradient_clip_val=1", "trainer.gradient_clip_val: gradients are clipped by opt"),
        ("optimizer.clip={name:adaptive,spare:['*']}", "optimizer.clip.spare: spares every parameter of the model"),
    ],
)
def test_what_cannot_be_stepped_is_one_line(
    words: str, message: str, train: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(ZooError, match=f"^{message}") as caught:
        train(*words.split())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_trial_of_learning_rates_is_none_for_steps_of_whole_epochs(composed: Callable[..., Any]) -> None:
    with pytest.raises(ZooError, match=r"optimizer=bgd: steps once an epoch"):
        find_rate(composed("optimizer=bgd"))
