"""A plugin that cannot be used harms nobody who does not choose it, and says what is wrong to who does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.config.installed import registry

FAULTS = {
    "ImportError": ("import a_module_nobody_has\n", "ModuleNotFoundError: No module named 'a_module_nobody_has'"),
    "RuntimeError": ("raise RuntimeError('libcuda is missing')\n", "RuntimeError: libcuda is missing"),
    "SystemExit": ("raise SystemExit('bye')\n", "SystemExit: bye"),
    "missing attribute": ("class Other: ...\n", "has no attribute 'Net'"),
    "deleted module": (None, "No module named 'zoo_bad'"),
    "not callable": ("Net = 'a string'\n", "is a str, expected a class or a factory"),
    "any arguments": ("class Net:\n    def __init__(self, *args): ...\n", "takes *args"),
    "any keywords": ("class Net:\n    def __init__(self, **kwargs): ...\n", "kwargs"),
    "unknown annotation": ("class Net:\n    def __init__(self, x: 'Nowhere'): ...\n", "Nowhere"),
}


@pytest.fixture(params=FAULTS)
def cause(plugin: Callable[..., Any], request: pytest.FixtureRequest) -> str:
    """What the error must say, with a plugin of that fault installed beside a good one."""
    source, said = FAULTS[request.param]
    modules = {} if source is None else {"zoo_bad.py": source}
    plugin("zoo-bad", "0.7", entry_points={"zoo.models": {"bad": "zoo_bad:Net"}}, modules=modules)
    good = "class Net:\n    def __init__(self, in_features: int, width: int = 5): ...\n"
    plugin("zoo-good", entry_points={"zoo.models": {"good": "zoo_good:Net"}}, modules={"zoo_good.py": good})
    return said


def test_everything_else_works_beside_it(cause: str) -> None:
    assert {"bad", "good", "mlp"} <= set(registry().names("model"))
    assert {one.name for one in zoo.components("model")} >= {"bad", "good", "mlp"}
    assert zoo.compose(["model=mlp"])["model"]["name"] == "mlp"
    assert zoo.compose(["model=good"])["model"]["width"] == 5
    assert "zoo_bad" not in sys.modules


def test_choosing_it_gives_one_line_with_distribution_version_target_and_cause(
    cause: str, refused_in_one_line: Callable[..., str]
) -> None:
    line = refused_in_one_line("model=bad")
    assert line.startswith("model=bad: zoo-bad 0.7 (zoo_bad:Net) ")
    assert cause in line


def test_building_it_gives_the_same_line(cause: str) -> None:
    with pytest.raises(zoo.registry.ZooError) as caught:
        zoo.build("model", "bad")
    assert str(caught.value).startswith("model=bad: zoo-bad 0.7 (zoo_bad:Net) ")
    assert cause in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "group", "override"),
    [
        ("optimizer", "zoo.optimizers", "optimizer=bad"),
        ("loss", "zoo.losses", "loss=bad"),
        ("callback", "zoo.callbacks", "callback=[bad]"),
        ("metric", "zoo.metrics", "metric=[accuracy,bad]"),
        ("logger", "zoo.loggers", "logger=bad"),
        ("data", "zoo.data", "data=bad"),
        ("task", "zoo.tasks", "task=bad"),
    ],
)
def test_the_same_holds_for_every_kind(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str], kind: str, group: str, override: str
) -> None:
    plugin("zoo-bad", "0.7", entry_points={group: {"bad": "zoo_bad:Thing"}}, modules={"zoo_bad.py": "1 / 0\n"})
    zoo.compose()
    assert "zoo_bad" not in sys.modules
    assert refused_in_one_line(override).startswith(f"{kind}=bad: zoo-bad 0.7 (zoo_bad:Thing) failed to import: ")


def test_a_broken_task_does_not_stop_data_from_finding_their_own(plugin: Callable[..., Any]) -> None:
    from zoo.harness.assembly import completed

    plugin(entry_points={"zoo.tasks": {"aaa": "zoo_foo:Task"}}, modules={"zoo_foo.py": "raise RuntimeError('x')\n"})
    config = completed(zoo.compose(), {"problem": "multiclass", "num_classes": 10, "in_features": 64})
    assert config["task"]["name"] == "classification"


# -- incompatible and disabled -------------------------------------------------------------------------------------


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """A file that importing `zoo_foo` writes."""
    return tmp_path / "imported"


@pytest.fixture
def flagging(flag: Path) -> dict[str, Any]:
    """A plugin whose import leaves a trace."""
    source = f"open({str(flag)!r}, 'w').close()\nclass LSTM:\n    def __init__(self, width: int = 3): ...\n"
    return {"entry_points": {"zoo.models": {"lstm": "zoo_foo:LSTM"}}, "modules": {"zoo_foo.py": source}}


@pytest.mark.parametrize(
    "requirement",
    [
        "attention-zoo>=99",
        "attention_zoo<0.0.1",
        "Attention.Zoo (==99.*)",
        "attention-zoo !=0.1.0,<0.2",
        "attention-zoo==???",
    ],
)
def test_a_requirement_that_excludes_this_version_is_honoured_without_an_import(
    plugin: Callable[..., Any],
    refused_in_one_line: Callable[..., str],
    flagging: dict[str, Any],
    flag: Path,
    requirement: str,
) -> None:
    plugin("zoo-foo", "0.3", requires=["torch", requirement], **flagging)
    (lstm,) = [one for one in zoo.components("model") if one.name == "lstm"]
    assert lstm.status == "incompatible"
    for name in ("lstm", "zoo-foo:lstm"):
        line = refused_in_one_line(f"model={name}")
        assert "zoo-foo 0.3" in line
        assert "incompatible" in line
        assert zoo.__version__ in line
    assert not flag.exists()
    assert any("incompatible" in problem.problem for problem in registry().problems())


@pytest.mark.parametrize(
    "requirement",
    [
        "attention-zoo",
        "attention-zoo>=0.1,<0.5",
        "attention-zoo[parquet]>=0.1",
        "attention-zoo>=99; python_version < '3'",
        "attention-zoo>=99; extra == 'future'",
        "attention-zoo-extras>=99",
    ],
)
def test_a_requirement_that_admits_this_version_or_does_not_apply_changes_nothing(
    plugin: Callable[..., Any], flagging: dict[str, Any], requirement: str
) -> None:
    plugin("zoo-foo", "0.3", requires=[requirement], **flagging)
    assert zoo.compose(["model=lstm"])["model"] == {"name": "lstm", "width": 3}


@pytest.mark.parametrize("switch", ["off", "-zoo-foo", "only:zoo-bar"])
def test_a_disabled_plugin_says_so_and_is_not_imported(
    plugin: Callable[..., Any],
    refused_in_one_line: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    flagging: dict[str, Any],
    flag: Path,
    switch: str,
) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", switch)
    plugin("zoo-foo", "0.3", **flagging)
    for name in ("lstm", "zoo-foo:lstm"):
        line = refused_in_one_line(f"model={name}")
        assert "zoo-foo 0.3" in line
        assert "disabled" in line
        assert f"ZOO_PLUGINS={switch}" in line
    assert zoo.compose(["model=mlp"])["model"]["name"] == "mlp"
    assert not flag.exists()


def test_a_switch_of_no_known_form_is_an_error_wherever_one_looks(
    monkeypatch: pytest.MonkeyPatch, refused_in_one_line: Callable[..., str]
) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "everything")
    assert refused_in_one_line().startswith("ZOO_PLUGINS=everything: expected off, -name")
    with pytest.raises(zoo.registry.ZooError, match="ZOO_PLUGINS=everything"):
        zoo.components()
