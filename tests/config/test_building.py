"""From a node to an object: what the user sets, what the run knows, and where the two contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import zoo
from zoo.config.building import AttentionFactory, build_node
from zoo.errors import ConfigError
from zoo.registry import ZooError

SOURCE = """
class Recorder:
    def keep(self, values):
        self.given = {key: value for key, value in values.items() if key != "self"}

class Net(Recorder):
    def __init__(self, in_features: int, out_features: int, width: int = 8): self.keep(locals())

class Seq(Recorder):
    def __init__(self, in_features: int, attention, width: int = 4):
        self.attention = attention(query_size=width, key_size=2 * width)

class Dot(Recorder):
    def __init__(self, query_size: int, key_size: int, scale: float = 1.0): self.keep(locals())

class Metric(Recorder):
    def __init__(self, task: str, num_classes: int = 0): self.keep(locals())

class Optimizer(Recorder):
    def __init__(self, params, lr: float = 0.1): self.keep(locals())

class Schedule(Recorder):
    def __init__(self, optimizer, total_steps: int, mode: str = "min", gamma: float = 0.5): self.keep(locals())

class Watch(Recorder):
    def __init__(self, monitor: str, mode: str, patience: int = 3): self.keep(locals())

class Log(Recorder):
    def __init__(self, save_dir: str, every: int = 1): self.keep(locals())

class Data(Recorder):
    def __init__(self, seed: int = 0, task: str | None = None): self.keep(locals())

def fussy(size: int = 1):
    raise ValueError("size and depth disagree; set one of them")

def faulty(size: int = 1):
    raise KeyError("a fault of the plugin")
"""

POINTS = {
    "zoo.models": {"net": "zoo_rec:Net", "seq": "zoo_rec:Seq", "fussy": "zoo_rec:fussy", "faulty": "zoo_rec:faulty"},
    "zoo.attentions": {"dott": "zoo_rec:Dot"},
    "zoo.metrics": {"met": "zoo_rec:Metric"},
    "zoo.optimizers": {"opt": "zoo_rec:Optimizer"},
    "zoo.schedules": {"sched": "zoo_rec:Schedule"},
    "zoo.callbacks": {"watch": "zoo_rec:Watch"},
    "zoo.loggers": {"log": "zoo_rec:Log"},
    "zoo.data": {"dat": "zoo_rec:Data"},
}


@pytest.fixture(autouse=True)
def recorders(plugin: Callable[..., Any]) -> None:
    """Components that keep what they were built with."""
    plugin("zoo-rec", entry_points=POINTS, modules={"zoo_rec.py": SOURCE})


def given(kind: str, node: dict[str, Any], **known: Any) -> dict[str, Any]:
    """What a component is built with."""
    arguments: dict[str, Any] = build_node(kind, node, known).given
    return arguments


# -- what the run knows --------------------------------------------------------------------------------------------


def test_the_run_fills_in_what_the_constructor_names_and_nothing_else() -> None:
    built = given("model", {"name": "net", "in_features": None}, in_features=64, out_features=10, num_classes=10)
    assert built == {"in_features": 64, "out_features": 10, "width": 8}


def test_what_the_user_sets_equal_to_the_data_is_fine() -> None:
    assert given("model", {"name": "net", "in_features": 64}, in_features=64, out_features=1)["in_features"] == 64


@pytest.mark.parametrize(
    ("kind", "node", "known", "key"),
    [
        ("model", {"name": "net", "in_features": 12}, {"in_features": 64, "out_features": 1}, "model.in_features"),
        ("model", {"name": "net", "out_features": 3}, {"in_features": 64, "out_features": 1}, "model.out_features"),
        ("metric", {"name": "met", "task": "binary"}, {"task": "multiclass"}, "metric.task"),
        ("data", {"name": "dat", "task": "regression"}, {"task": "classification"}, "data.task"),
    ],
)
def test_a_clash_with_the_data_is_an_error_that_names_both(
    kind: str, node: dict[str, Any], known: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build_node(kind, node, known)
    line = str(caught.value)
    assert line.startswith(f"{key}: ")
    short = key.partition(".")[2]
    assert repr(node[short]) in line
    assert repr(known[short]) in line


@pytest.mark.parametrize(
    ("kind", "node", "known"),
    [
        ("data", {"name": "dat", "seed": 5}, {"seed": 0}),
        ("callback", {"name": "watch", "monitor": "val/accuracy", "mode": "max"},
         {"monitor": "val/loss", "mode": "min"}),
        ("logger", {"name": "log", "save_dir": "elsewhere"}, {"save_dir": "outputs/x"}),
        ("schedule", {"name": "sched", "total_steps": 7, "mode": "max"},
         {"optimizer": 1, "total_steps": 100, "mode": "min"}),
    ],
)  # fmt: skip
def test_what_is_no_fact_of_the_data_the_user_simply_decides(
    kind: str, node: dict[str, Any], known: dict[str, Any]
) -> None:
    built = given(kind, node, **known)
    assert {key: built[key] for key in node if key != "name"} == {key: node[key] for key in node if key != "name"}


def test_what_neither_the_user_nor_the_run_knows_is_named() -> None:
    with pytest.raises(ConfigError, match=r"model=net: needs out_features"):
        build_node("model", {"name": "net"}, {"in_features": 64})


def test_objects_are_handed_over_as_they_are() -> None:
    params, optimizer = [object()], object()
    assert given("optimizer", {"name": "opt"}, params=params)["params"] is params
    built = given("schedule", {"name": "sched", "gamma": 0.1}, optimizer=optimizer, total_steps=10)
    assert built == {"optimizer": optimizer, "total_steps": 10, "mode": "min", "gamma": 0.1}


# -- decay_all -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sgd", "adamw", "opt"])
def test_every_optimizer_has_decay_all_which_its_constructor_never_sees(name: str) -> None:
    config = zoo.compose([f"optimizer={name}", "optimizer.decay_all=true"])["optimizer"]
    assert config["decay_all"] is True
    assert zoo.compose([f"optimizer={name}"])["optimizer"]["decay_all"] is False
    assert "decay_all" not in given(
        "optimizer", config | {"name": "opt"} if name == "opt" else {"name": "opt"}, params=[]
    )


def test_decay_all_is_a_boolean(refused_in_one_line: Callable[..., str]) -> None:
    assert refused_in_one_line("optimizer.decay_all=sometimes").startswith("optimizer.decay_all: ")


def test_decay_all_decides_whether_biases_decay() -> None:
    from zoo.harness.factories import OptimizerOf
    from zoo.optimizers.parameter_groups import parameter_groups

    model = zoo.build("model", "linear", in_features=3, out_features=2)
    decayed = {}
    for word in ("true", "false"):
        factory = OptimizerOf(zoo.compose([f"optimizer.decay_all={word}"])["optimizer"])
        groups = factory(parameter_groups(model, decay_all=factory.decay_all)).param_groups
        decayed[word] = sum(
            parameter.numel() for group in groups if group["weight_decay"] for parameter in group["params"]
        )
    assert decayed == {"true": 3 * 2 + 2, "false": 3 * 2}


# -- attention -----------------------------------------------------------------------------------------------------


def test_a_model_gets_a_factory_that_knows_the_attention_and_takes_the_sizes() -> None:
    node = {"name": "dott", "query_size": None, "key_size": None, "scale": 0.5}
    model = build_node("model", {"name": "seq"}, {"in_features": 1, "attention": AttentionFactory(node)})
    assert model.attention.given == {"query_size": 4, "key_size": 8, "scale": 0.5}


def test_an_attention_node_given_from_python_becomes_such_a_factory() -> None:
    model = zoo.build("model", "seq", in_features=1, attention={"name": "dott", "scale": 2})
    assert model.attention.given == {"query_size": 4, "key_size": 8, "scale": 2.0}


def test_sizes_that_the_user_sets_for_an_attention_must_agree_with_the_model() -> None:
    with pytest.raises(ConfigError, match=r"attention\.query_size: 9 contradicts 4"):
        zoo.build("model", "seq", in_features=1, attention={"name": "dott", "query_size": 9})


# -- zoo.build -----------------------------------------------------------------------------------------------------


def test_build_takes_options_by_keyword() -> None:
    assert zoo.build("model", "net", in_features=2, out_features=3).given == {
        "in_features": 2, "out_features": 3, "width": 8,
    }  # fmt: skip
    assert zoo.build("model", "zoo-rec:net", in_features=2, out_features=3, width="5").given["width"] == 5


def test_build_refuses_unknown_options_and_unfit_values_all_at_once() -> None:
    with pytest.raises(ZooError) as caught:
        zoo.build("model", "net", in_features="x", out_features=1, widht=3)
    lines = sorted(str(caught.value).splitlines())
    assert [line.partition(":")[0] for line in lines] == ["model.in_features", "model.widht"]
    assert "did you mean 'width'" in lines[1]


@pytest.mark.parametrize(("kind", "name"), [("model", "nett"), ("modle", "net")])
def test_build_suggests_names_and_kinds(kind: str, name: str) -> None:
    with pytest.raises(ZooError, match="did you mean"):
        zoo.build(kind, name)


def test_a_constructors_value_error_is_the_users_to_mend() -> None:
    with pytest.raises(ConfigError, match=r"^model=fussy: size and depth disagree; set one of them$"):
        zoo.build("model", "fussy")


def test_any_other_exception_of_a_constructor_is_the_plugins_fault_and_stays_what_it_is() -> None:
    with pytest.raises(KeyError):
        zoo.build("model", "faulty")
