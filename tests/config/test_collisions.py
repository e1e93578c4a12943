"""Two of one name, on the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

import zoo


def source(default: int) -> str:
    """A module with a model whose default tells which it is."""
    return f"class LSTM:\n    def __init__(self, width: int = {default}): self.width = width\n"


@pytest.fixture
def rivals(plugin: Callable[..., Any]) -> None:
    """Two plugins that both bring a model `lstm`."""
    for name, version, default in (("zoo-foo", "0.3", 3), ("zoo-bar", "2.1", 4)):
        module = name.replace("-", "_")
        points = {"zoo.models": {"lstm": f"{module}:LSTM"}}
        plugin(name, version, entry_points=points, modules={f"{module}.py": source(default)})


@pytest.mark.usefixtures("rivals")
def test_a_bare_name_of_two_plugins_is_refused_with_both_and_neither_is_imported(
    refused_in_one_line: Callable[..., str],
) -> None:
    line = refused_in_one_line("model=lstm")
    for text in ("zoo-foo 0.3", "zoo-bar 2.1", "model=zoo-foo:lstm", "model=zoo-bar:lstm"):
        assert text in line
    assert not {"zoo_foo", "zoo_bar"} & set(sys.modules)


@pytest.mark.usefixtures("rivals")
@pytest.mark.parametrize(("name", "width"), [("zoo-foo:lstm", 3), ("zoo-bar:lstm", 4), ("Zoo_Foo:lstm", 3)])
def test_the_qualified_name_chooses_and_stays_in_the_configuration(name: str, width: int) -> None:
    config = zoo.compose([f"model={name}"])
    assert config["model"] == {"name": name, "width": width}
    assert zoo.build("model", name).width == width
    assert zoo.compose([f"model={name}", "model.width=9"])["model"]["width"] == 9


@pytest.mark.usefixtures("rivals")
def test_building_the_bare_name_is_refused_too() -> None:
    with pytest.raises(zoo.registry.ZooError, match="zoo-foo:lstm"):
        zoo.build("model", "lstm")


def test_a_built_in_keeps_its_name_and_the_plugins_is_reachable(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", entry_points={"zoo.models": {"mlp": "zoo_foo:LSTM"}}, modules={"zoo_foo.py": source(3)})
    assert "activation" in zoo.compose(["model=mlp"])["model"]
    assert "zoo_foo" not in sys.modules
    assert zoo.compose(["model=zoo-foo:mlp"])["model"] == {"name": "zoo-foo:mlp", "width": 3}
    assert zoo.compose(["model=attention-zoo:mlp"])["model"]["activation"] == "relu"
    statuses = {one.distribution: one.status for one in zoo.components("model") if one.name == "mlp"}
    assert statuses == {"attention-zoo": "ok", "zoo-foo": "shadowed"}


def test_rivals_in_a_group_of_several_are_told_apart(plugin: Callable[..., Any]) -> None:
    module = "class Watch:\n    def __init__(self, every: int = 1): ...\n"
    for name in ("zoo-foo", "zoo-bar"):
        file = name.replace("-", "_")
        plugin(name, entry_points={"zoo.callbacks": {"watch": f"{file}:Watch"}}, modules={f"{file}.py": module})
    assert zoo.compose(["callback=[zoo-foo:watch]"])["callback"] == {"watch": {"name": "zoo-foo:watch", "every": 1}}


def test_names_that_differ_by_case_or_hyphen_are_two_models(plugin: Callable[..., Any]) -> None:
    points = {"zoo.models": {"tab_net": "zoo_foo:LSTM", "Tab-Net": "zoo_foo:LSTM"}}
    plugin("zoo-foo", entry_points=points, modules={"zoo_foo.py": source(3)})
    assert zoo.compose(["model=tab_net"])["model"]["name"] == "tab_net"
    assert zoo.compose(["model=Tab-Net"])["model"]["name"] == "Tab-Net"
