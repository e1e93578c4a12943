"""What one scan of installed metadata finds, and what it only reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.registry import HOST, Discovery, Registry, discover

MODEL = {"zoo.models": {"lstm": "zoo_foo:LSTM"}}


def scan(**options: Any) -> Discovery:
    """A scan as of version 0.5."""
    return discover(**{"version": "0.5", "environ": {}} | options)


def one(found: Discovery, name: str) -> Any:
    """The only component of that name."""
    (component,) = [component for component in found.components if component.name == name]
    return component


def test_a_component_is_known_by_kind_name_target_distribution_and_version(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", "0.3", entry_points=MODEL)
    lstm = one(scan(), "lstm")
    assert (lstm.kind, lstm.target, lstm.distribution, lstm.version) == ("model", "zoo_foo:LSTM", "zoo-foo", "0.3")
    assert lstm.status == "ok"


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("zoo.models", "model"),
        ("zoo.attentions", "attention"),
        ("zoo.losses", "loss"),
        ("zoo.optimizers", "optimizer"),
        ("zoo.schedules", "schedule"),
        ("zoo.metrics", "metric"),
        ("zoo.data", "data"),
        ("zoo.tasks", "task"),
        ("zoo.callbacks", "callback"),
        ("zoo.loggers", "logger"),
    ],
)
def test_each_documented_group_is_one_kind(plugin: Callable[..., Any], group: str, kind: str) -> None:
    plugin(entry_points={group: {"mine": "zoo_foo:Mine"}})
    assert one(scan(), "mine").kind == kind


def test_extras_in_an_entry_point_are_not_part_of_its_target(plugin: Callable[..., Any]) -> None:
    plugin(entry_points="[zoo.models]\nlstm = zoo_foo:LSTM [cuda]\n")
    assert one(scan(), "lstm").target == "zoo_foo:LSTM"


def test_scanning_imports_no_plugin(plugin: Callable[..., Any], tmp_path: Path) -> None:
    flag = tmp_path / "imported"
    source = f"open({str(flag)!r}, 'w').close()\nclass LSTM: ...\n"
    plugin(entry_points=MODEL, modules={"zoo_foo/__init__.py": source}, conf={"model/big.yaml": {"name": "lstm"}})
    registry = Registry.of(scan())
    registry.components()
    registry.names("model")
    registry.problems()
    lstm = registry.get("model", "lstm")
    assert not flag.exists()
    lstm.load()
    assert flag.exists()


def test_packages_without_our_entry_points_are_passed_over(plugin: Callable[..., Any]) -> None:
    plugin("requests", entry_points={"console_scripts": {"x": "requests:x"}, "pytest11": {"y": "requests:y"}})
    plugin("bare", entry_points="")
    found = scan()
    assert {component.distribution for component in found.components} <= {HOST}
    assert found.problems == []


def test_an_unknown_group_is_reported_with_the_known_ones(plugin: Callable[..., Any]) -> None:
    plugin(entry_points={"zoo.model": {"lstm": "zoo_foo:LSTM"}})
    (problem,) = scan().problems
    assert problem.subject == "zoo-foo"
    assert "'zoo.model'" in problem.problem
    assert "zoo.models" in problem.remedy


@pytest.mark.parametrize(
    "text", ["[zoo.models]\nlstm zoo_foo:LSTM\n", "[zoo.models]\nok = zoo_foo:LSTM\njust a sentence\n"]
)
def test_an_unparsable_entry_points_file_is_reported_and_stops_nobody_else(
    plugin: Callable[..., Any], text: str
) -> None:
    plugin("zoo-bad", entry_points=text)
    plugin("zoo-good", entry_points={"zoo.models": {"gru": "zoo_good:GRU"}})
    found = scan()
    assert one(found, "gru").status == "ok"
    assert any(problem.subject == "zoo-bad" and "entry_points.txt" in problem.problem for problem in found.problems)


@pytest.mark.parametrize("file", ["entry_points.txt", "METADATA"])
def test_metadata_that_is_no_text_stops_nobody_else(plugin: Callable[..., Any], file: str) -> None:
    bad = plugin("zoo-bad", entry_points={"zoo.models": {"lstm": "zoo_bad:LSTM"}})
    (bad.metadata / file).write_bytes(b"[zoo.models]\nlstm = \xff\xfe:LSTM\n")
    plugin("zoo-good", entry_points={"zoo.models": {"gru": "zoo_good:GRU"}})
    assert one(scan(), "gru").status == "ok"


def test_a_folder_of_metadata_without_a_name_stops_nobody_else(plugin: Callable[..., Any]) -> None:
    (plugin("zoo-bad", entry_points=MODEL).metadata / "METADATA").unlink()
    plugin("zoo-good", entry_points={"zoo.models": {"gru": "zoo_good:GRU"}})
    assert one(scan(), "gru").status == "ok"


# -- Requires-Dist -------------------------------------------------------------------------------------------------


def test_a_requirement_that_excludes_this_version_makes_it_incompatible(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", "0.3", entry_points=MODEL, requires=["attention-zoo<0.5"])
    lstm = one(scan(admits=lambda requirement, version: False), "lstm")
    assert lstm.status == "incompatible"
    assert "zoo-foo 0.3" in lstm.reason
    assert "attention-zoo<0.5" in lstm.reason
    assert "attention-zoo 0.5" in lstm.reason


def test_only_requirements_on_us_are_judged_and_with_our_version(plugin: Callable[..., Any]) -> None:
    lines = ["torch>=99", "attention-zoo-extras<0.1", "Attention_Zoo[parquet] >=0.3", "attention-zoo"]
    plugin(entry_points=MODEL, requires=lines)
    asked: list[tuple[str, str]] = []
    scan(admits=lambda requirement, version: asked.append((requirement, version)) or True)
    assert asked == [("Attention_Zoo[parquet] >=0.3", "0.5"), ("attention-zoo", "0.5")]


def test_presets_of_an_incompatible_or_disabled_plugin_are_not_offered(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", conf={"model/big.yaml": {}}, requires=["attention-zoo<0.5"])
    assert [package.package for package in scan().conf_packages] == ["zoo_foo.conf"]
    assert scan(admits=lambda requirement, version: False).conf_packages == []
    assert scan(environ={"ZOO_PLUGINS": "off"}).conf_packages == []


def test_of_two_preset_packages_the_first_is_read_and_the_second_reported(plugin: Callable[..., Any]) -> None:
    plugin(entry_points={"zoo.conf": {"a": "zoo_foo.conf", "b": "zoo_foo.more"}})
    found = scan()
    assert [package.package for package in found.conf_packages] == ["zoo_foo.conf"]
    assert any("at most one" in problem.problem for problem in found.problems)


# -- two copies of one distribution --------------------------------------------------------------------------------


def test_a_stale_egg_info_in_the_working_folder_does_not_shadow_the_installed_one(
    plugin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin("zoo-foo", "0.3", entry_points=MODEL)
    work = tmp_path / "work"
    work.mkdir()
    stale = plugin("zoo-foo", "0.1", entry_points={"zoo.models": {"old": "zoo_foo:Old"}}, kind="egg-info", folder=work)
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend("")  # as `python -m` does
    found = scan()
    assert one(found, "lstm").version == "0.3"
    assert [component.name for component in found.components if component.distribution == "zoo-foo"] == ["lstm"]
    named = [problem for problem in found.problems if "stale" in problem.problem]
    assert named
    assert all(stale.metadata.name in problem.problem for problem in named)
    assert all("0.1" in problem.problem and "0.3" in problem.problem for problem in named)


def test_an_egg_info_that_agrees_with_the_installed_one_is_nothing_to_report(
    plugin: Callable[..., Any], tmp_path: Path
) -> None:
    plugin("zoo-foo", "0.3", entry_points=MODEL)
    plugin("zoo-foo", "0.3", entry_points=MODEL, kind="egg-info", folder=tmp_path / "work")
    found = scan()
    assert one(found, "lstm").status == "ok"
    assert found.problems == []


def test_an_egg_info_alone_is_an_installation_like_any_other(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", "0.3", entry_points=MODEL, kind="egg-info")
    assert one(scan(), "lstm").version == "0.3"


def test_of_two_installed_copies_the_one_that_python_would_import_counts(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", "0.1", entry_points={"zoo.models": {"old": "zoo_foo:Old"}})
    plugin("Zoo_Foo", "0.3", entry_points=MODEL)  # first on sys.path
    found = scan()
    assert [component.name for component in found.components if not component.builtin] == ["lstm"]
    assert any("0.1" in problem.problem for problem in found.problems)
