"""`trainer.*` is Lightning's Trainer, option for option."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import zoo

#: Options that another part of the configuration owns, with a word of the advice that says which.
ELSEWHERE = {
    "callbacks": "callback=",
    "logger": "logger=",
    "enable_checkpointing": "checkpoint.",
    "default_root_dir": "hydra.run.dir",
    "use_distributed_sampler": "ranks",
    "reload_dataloaders_every_n_epochs": "epoch",
    "model_registry": "checkpoints",
    "plugins": "precision",
}


@pytest.fixture(scope="module")
def lightning() -> dict[str, inspect.Parameter]:
    """Every argument of the Trainer."""
    from pytorch_lightning import Trainer

    return dict(inspect.signature(Trainer).parameters)


def test_every_option_is_reachable_but_those_that_are_set_elsewhere(lightning: dict[str, inspect.Parameter]) -> None:
    assert set(zoo.compose()["trainer"]) == set(lightning) - set(ELSEWHERE)
    assert set(ELSEWHERE) <= set(lightning)


def test_defaults_are_lightnings_unless_the_preset_says_otherwise(lightning: dict[str, inspect.Parameter]) -> None:
    from pathlib import Path

    import yaml

    preset = yaml.safe_load((Path(__file__).resolve().parents[2] / "conf/trainer/default.yaml").read_text())
    for name, value in zoo.compose(["model=mlp"])["trainer"].items():
        assert value == preset.get(name, lightning[name].default), name


@pytest.mark.parametrize(("name", "advice"), ELSEWHERE.items())
@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_an_option_set_elsewhere_says_where(
    refused_in_one_line: Callable[..., str], prefix: str, name: str, advice: str
) -> None:
    line = refused_in_one_line(f"{prefix}trainer.{name}=1")
    assert line.startswith(f"trainer.{name}: not set here; ")
    assert advice in line


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("max_epochs=3", 3),
        ("max_epochs=null", None),
        ("max_steps=100", 100),
        ("max_time=00:01:00:00", "00:01:00:00"),
        ("limit_train_batches=0.5", 0.5),
        ("limit_train_batches=10", 10),
        ("devices=2", 2),
        ("devices=[0,1]", [0, 1]),
        ("devices=auto", "auto"),
        ("strategy=ddp", "ddp"),
        ("accelerator=cpu", "cpu"),
        ("precision=auto", "auto"),
        ("precision=bf16-mixed", "bf16-mixed"),
        ("precision=32", 32),
        ("gradient_clip_val=1.0", 1.0),
        ("gradient_clip_algorithm=value", "value"),
        ("accumulate_grad_batches=4", 4),
        ("val_check_interval=0.25", 0.25),
        ("deterministic=warn", "warn"),
        ("fast_dev_run=true", True),
        ("profiler=simple", "simple"),
    ],
)
def test_options_take_what_lightning_takes(override: str, value: Any) -> None:
    taken = zoo.compose([f"trainer.{override}"])["trainer"][override.partition("=")[0]]
    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    "override", ["max_epochs=many", "max_epochs=1.5", "precision=33", "precision=half", "deterministic=perhaps",
                 "gradient_clip_val=[1]", "enable_progress_bar=perhaps"]
)  # fmt: skip
def test_options_refuse_what_lightning_would(refused: Callable[..., str], override: str) -> None:
    text = refused(f"trainer.{override}")
    assert all(line.startswith(f"trainer.{override.partition('=')[0]}") for line in text.splitlines())


def test_a_typo_gets_the_nearest_option(refused_in_one_line: Callable[..., str]) -> None:
    assert "did you mean 'max_epochs'" in refused_in_one_line("trainer.max_epoch=3")
