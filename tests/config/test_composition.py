"""From overrides to one plain, validated configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import zoo
from zoo.config import installed
from zoo.config.composition import chosen, compose_with_hydra
from zoo.config.groups import PRESETS, SETTINGS, SEVERAL, SINGLE
from zoo.config.validation import validate
from zoo.registry import ZooError

ROOT = Path(__file__).resolve().parents[2]


def test_without_overrides_there_is_a_real_job() -> None:
    config = zoo.compose()
    assert (config["data"]["name"], config["model"]["name"]) == ("cmudict", "seq2seq")
    assert isinstance(config["seed"], int)


@pytest.mark.parametrize(
    ("overrides", "data", "model"),
    [
        (["attention=dot"], "cmudict", "seq2seq"),
        (["trainer.max_epochs=3"], "cmudict", "seq2seq"),
        (["data=wine"], "wine", "mlp"),
        (["model=linear"], "digits", "linear"),
        (["data=copy"], "copy", "seq2seq"),
        (["data=copy", "model=bahdanau"], "copy", "seq2seq"),
        (["data=wine", "experiment=digits"], "wine", "mlp"),
    ],
)
def test_the_default_experiment_makes_room_for_whoever_chooses(overrides: list[str], data: str, model: str) -> None:
    config = zoo.compose(overrides)
    assert (config["data"]["name"], config["model"]["name"]) == (data, model)
    assert (config["loss"] is not None) == (data == "cmudict")  # of tables and of other pairs, the task chooses


def test_data_name_the_model_that_usually_goes_with_them_and_a_user_another() -> None:
    assert zoo.compose(["data=copy"])["model"] == zoo.compose(["data=copy", "model=luong"])["model"]
    assert zoo.compose(["data=copy", "model=bahdanau"])["model"]["decoder"] == "bahdanau"


def test_a_sweep_over_data_of_different_models_asks_for_one() -> None:
    with pytest.raises(ZooError, match=r"copy and wine usually go with different models; choose one: model=NAME"):
        chosen(["data=copy,wine"])
    assert "model=luong" in chosen(["data=copy,reverse"])


def test_the_result_is_plain_data_in_one_known_shape() -> None:
    config = zoo.compose(["model=mlp", "callback=early_stopping", "metric=[accuracy,f1]"])
    assert json.loads(json.dumps(config)) == config
    assert set(config) == {*SINGLE, *SEVERAL, *PRESETS, *SETTINGS} - {"experiment"}
    assert config["attention"] is None
    assert list(config["metric"]) == ["accuracy", "f1"]
    assert config["callback"]["early_stopping"]["name"] == "early_stopping"


def test_composing_twice_gives_the_same_and_what_was_composed_is_valid() -> None:
    overrides = ["model=linear", "optimizer=sgd", "optimizer.lr=0.5", "seed=3"]
    assert zoo.compose(overrides) == zoo.compose(overrides)
    validate(zoo.compose(overrides))


def test_interpolations_are_resolved() -> None:
    assert zoo.compose(["model=mlp", "seed=12", "model.width=${seed}"])["model"]["width"] == 12


def test_several_and_none_of_a_group() -> None:
    assert list(zoo.compose(["logger=csv"])["logger"]) == ["csv"]
    assert list(zoo.compose(["logger=[tensorboard,csv]", "logger.csv.save_dir=x"])["logger"]) == ["tensorboard", "csv"]
    assert zoo.compose(["logger=null"])["logger"] is None
    assert zoo.compose(["schedule=null"])["schedule"] is None


def test_hydras_own_node_comes_beside_it_and_not_in_it() -> None:
    config, hydra = compose_with_hydra(["hydra.run.dir=elsewhere"])
    assert hydra.run.dir == "elsewhere"
    assert "hydra" not in config


def test_hydra_writes_nothing_while_composing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    zoo.compose()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["data", "model", "optimizer"])
def test_what_every_run_needs_must_be_chosen(refused: Callable[..., str], kind: str) -> None:
    text = refused("data=wine", f"~{kind}")
    assert text.startswith(f"{kind}: nothing selected; choose one of ")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model", "cannot be read as key=value"),
        ("seed=[1", "cannot be read as key=value"),
        ("model=mpl", "did you mean 'mlp'"),
        ("data=irsi", "did you mean 'iris'"),
        ("optimizer=adamm", "did you mean 'adam"),
        ("metric=[acuracy]", "did you mean 'accuracy'"),
        ("trainer=nope", "available: default"),
        ("experiment=nope", "no such preset"),
        ("model=[mlp,linear]", "model: takes one name, got 2"),
        ("seed=abc", "seed: "),
        ("seed=-1", "seed: "),
        ("checkpoint.mode=up", "checkpoint.mode: "),
        ("checkpoint.every_n_steps=0", "checkpoint.every_n_steps: "),
        ("+checkpoint.evry=1", "checkpoint.evry: no such option"),
        ("optimizer.lr=-1", "optimizer.lr: "),
        ("optimizer.lr=abc", "optimizer.lr: "),
        ("data.test=1.5", "data.test: "),
        ("data=csv", "data.path: must be given"),
        ("model.width=${nowhere}", "model.width: "),
        ("+extra.thing=1", "extra: unknown"),
        ("task.name=x", "task.name: no task is selected"),
        ("hydra/launcher=nope", "hydra/launcher=nope"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(refused_in_one_line: Callable[..., str], override: str, said: str) -> None:
    assert said in refused_in_one_line(override)


def test_a_fault_that_is_no_users_keeps_its_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("zoo.config.source.structured", broken)
    with pytest.raises(ZeroDivisionError):
        zoo.compose(["model=linear"])


def test_it_works_inside_another_hydra_application_and_leaves_that_one_alone() -> None:
    import hydra

    with hydra.initialize(version_base="1.3", config_path=None, job_name="other"):
        assert zoo.compose(["model=linear"])["model"]["name"] == "linear"
        assert hydra.compose(None, overrides=["+a=1"]) == {"a": 1}


# -- attention -----------------------------------------------------------------------------------------------------


@pytest.fixture
def attentive(plugin: Callable[..., Any]) -> None:
    """A model that takes an attention, and an attention."""
    source = (
        "class Seq:\n    def __init__(self, in_features: int, attention, width: int = 4):\n"
        "        self.attention = attention(query_size=width, key_size=width)\n"
        "class Dot:\n    def __init__(self, query_size: int, key_size: int, scale: float = 1.0):\n"
        "        self.sizes, self.scale = (query_size, key_size), scale\n"
    )
    points = {"zoo.models": {"seq": "zoo_seq:Seq"}, "zoo.attentions": {"dott": "zoo_seq:Dot"}}
    plugin("zoo-seq", entry_points=points, modules={"zoo_seq.py": source})


@pytest.mark.usefixtures("attentive")
def test_attention_for_a_model_without_one_is_an_error(refused_in_one_line: Callable[..., str]) -> None:
    line = refused_in_one_line("model=mlp", "attention=dott")
    assert line.startswith("attention=dott: model=mlp has no attention")


@pytest.mark.usefixtures("attentive")
def test_a_model_with_an_attention_takes_one_with_its_options() -> None:
    config = zoo.compose(["model=seq", "attention=dott", "attention.scale=0.5"])
    assert config["attention"] == {"name": "dott", "query_size": None, "key_size": None, "scale": 0.5}
    assert "attention" not in config["model"]


# -- the harness names no built-in ---------------------------------------------------------------------------------

INSTEAD = {"data": "data=iris", "model": "model=linear", "optimizer": "optimizer=sgd", "schedule": "schedule=cosine",
           "logger": "logger=[]"}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name"),
    [("model", "mlp"), ("model", "linear"), ("data", "digits"), ("optimizer", "adamw"), ("schedule", "constant"),
     ("loss", "cross_entropy"), ("metric", "accuracy"), ("task", "regression"), ("logger", "tensorboard"),
     ("callback", "early_stopping")],
)  # fmt: skip
def test_a_built_in_taken_out_of_pyproject_is_gone_and_nothing_else_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused_in_one_line: Callable[..., str], kind: str, name: str
) -> None:
    group = installed.registry().get(kind, name)
    lines = (ROOT / "pyproject.toml").read_text().splitlines(keepends=True)
    left = [line for line in lines if line.strip() != f'{name} = "{group.target}"']
    assert len(left) == len(lines) - 1
    (tmp_path / "pyproject.toml").write_text("".join(left))
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.setattr(installed, "checkout", lambda: tmp_path)
    installed.refresh()
    assert name not in {one.name for one in zoo.components(kind)}
    default = {kind: f"{kind}=[{name}]"} if kind in SEVERAL else {kind: f"{kind}={name}"}
    others = [word for key, word in INSTEAD.items() if name not in word]
    assert f"{kind}={name}: not installed" in refused_in_one_line(
        *[one for one in others if not one.startswith(kind)], default[kind]
    )
    assert zoo.compose(others)["data"]["name"] == "iris" or name == "iris"
    with pytest.raises(ZooError, match="not installed"):
        zoo.build(kind, name)


def test_every_file_of_ours_is_plain_yaml() -> None:
    for file in (ROOT / "conf").rglob("*.yaml"):
        assert isinstance(yaml.safe_load(file.read_text()), dict), file
