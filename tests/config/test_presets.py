"""YAML presets: of the toolkit, of plugins, of the user's own folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import zoo
from zoo.config.installed import refresh
from zoo.config.presets import find_preset, list_presets, preset_problems
from zoo.config.source import choices

NET = "class Net:\n    def __init__(self, in_features: int, width: int = 7, dropout: float = 0.0): ...\n"
POINTS = {"zoo.models": {"foo": "zoo_foo.nets:Net"}}
BIG = {"defaults": ["/schema/model/foo@_here_", "_self_"], "width": 512}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A folder of the user's own presets."""

    def folder(**presets: Any) -> Path:
        for path, content in presets.items():
            file = tmp_path / "presets" / f"{path.replace('__', '/')}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return tmp_path / "presets"

    return folder


# -- of plugins ----------------------------------------------------------------------------------------------------


def test_a_preset_extends_its_component_and_can_be_overridden(plugin: Callable[..., Any]) -> None:
    plugin(entry_points=POINTS, modules={"zoo_foo/nets.py": NET}, conf={"model/foo_big.yaml": BIG})
    expected = {"name": "foo", "in_features": None, "width": 512, "dropout": 0.0}
    assert zoo.compose(["model=foo_big"])["model"] == expected
    assert zoo.compose(["model=foo_big", "model.dropout=0.5"])["model"] == expected | {"dropout": 0.5}


def test_presets_of_a_plugin_that_raises_are_listed_and_read_without_importing_it(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    conf = {
        "model/foo_big.yaml": BIG,
        "model/mlp_big.yaml": {**BIG, "defaults": ["/schema/model/mlp@_here_", "_self_"]},
    }
    modules = {"zoo_foo/__init__.py": "raise RuntimeError('libfoo')\n", "zoo_foo/nets.py": NET}
    plugin("zoo-foo", "0.3", entry_points=POINTS, modules=modules, conf=conf)
    assert {"foo_big", "mlp_big"} <= set(choices("model"))
    assert zoo.compose(["model=mlp_big"])["model"]["width"] == 512
    assert "zoo_foo" not in sys.modules
    line = refused_in_one_line("model=foo_big")
    assert "zoo-foo 0.3 (zoo_foo.nets:Net)" in line
    assert "RuntimeError: libfoo" in line


def test_a_typo_in_a_preset_is_named_with_the_right_word(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    wrong = {"defaults": BIG["defaults"], "widht": 512}
    plugin(entry_points=POINTS, modules={"zoo_foo/nets.py": NET}, conf={"model/foo_big.yaml": wrong})
    line = refused_in_one_line("model=foo_big")
    assert "widht" in line
    assert "did you mean 'width'" in line


def test_a_value_of_the_wrong_type_in_a_preset_is_refused(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    wrong = {"defaults": BIG["defaults"], "width": "wide"}
    plugin(entry_points=POINTS, modules={"zoo_foo/nets.py": NET}, conf={"model/foo_big.yaml": wrong})
    line = refused_in_one_line("model=foo_big")
    assert line.startswith("model.width: ")
    assert "wide" in line


def test_a_preset_of_a_component_that_does_not_exist_says_so(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    plugin(
        entry_points=POINTS,
        modules={"zoo_foo/nets.py": NET},
        conf={"model/foo_big.yaml": {"defaults": ["/schema/model/fooo@_here_", "_self_"]}},
    )
    line = refused_in_one_line("model=foo_big")
    assert "fooo" in line
    assert "did you mean 'foo'" in line


def test_a_plugin_may_ship_presets_alone_and_for_groups_without_components(plugin: Callable[..., Any]) -> None:
    experiment = "# @package _global_\ndefaults:\n  - override /model: linear\nseed: 7\n"
    plugin(
        conf={
            "experiment/paper.yaml": experiment,
            "trainer/quick.yaml": {"defaults": ["/schema/trainer/lightning@_here_", "_self_"], "max_epochs": 2},
        }
    )
    config = zoo.compose(["experiment=paper", "trainer=quick"])
    assert (config["seed"], config["model"]["name"], config["trainer"]["max_epochs"]) == (7, "linear", 2)
    assert "experiment" not in config


def test_a_preset_of_two_plugins_is_refused_with_both_and_chosen_by_qualified_name(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    for name, width in (("zoo-foo", 11), ("zoo-bar", 22)):
        conf = {"model/wide.yaml": {"defaults": ["/schema/model/mlp@_here_", "_self_"], "width": width}}
        plugin(name, conf=conf)
    line = refused_in_one_line("model=wide")
    assert "model=zoo-foo:wide" in line
    assert "model=zoo-bar:wide" in line
    assert zoo.compose(["model=zoo-foo:wide"])["model"]["width"] == 11
    assert zoo.compose(["model=zoo-bar:wide"])["model"]["width"] == 22
    assert any("model/wide.yaml" in problem.problem for problem in preset_problems())


def test_a_preset_of_one_plugin_and_a_component_of_another_collide_too(
    plugin: Callable[..., Any], refused_in_one_line: Callable[..., str]
) -> None:
    plugin("zoo-foo", entry_points=POINTS, modules={"zoo_foo/__init__.py": "", "zoo_foo/nets.py": NET})
    plugin("zoo-bar", conf={"model/foo.yaml": {"defaults": ["/schema/model/mlp@_here_", "_self_"], "width": 22}})
    line = refused_in_one_line("model=foo")
    assert "zoo-foo:foo" in line
    assert "zoo-bar:foo" in line
    assert zoo.compose(["model=zoo-bar:foo"])["model"]["width"] == 22
    assert zoo.compose(["model=zoo-foo:foo"])["model"]["width"] == 7


def test_a_plugin_may_ship_a_preset_under_its_own_components_name(plugin: Callable[..., Any]) -> None:
    plugin(entry_points=POINTS, modules={"zoo_foo/nets.py": NET}, conf={"model/foo.yaml": BIG})
    assert zoo.compose(["model=foo"])["model"]["width"] == 512


@pytest.mark.parametrize(("path", "group"), [("model/mlp.yaml", "model"), ("trainer/default.yaml", "trainer")])
def test_a_built_in_keeps_its_name_against_a_plugins_preset(plugin: Callable[..., Any], path: str, group: str) -> None:
    before = zoo.compose()[group]
    plugin("zoo-foo", conf={path: {"hijacked": True}})
    assert zoo.compose()[group] == before


def test_a_preset_shadowed_by_one_of_ours_is_reported(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", "0.3", conf={"trainer/default.yaml": {"max_epochs": 1}})
    (problem,) = preset_problems()
    assert problem.subject == "zoo-foo 0.3"
    assert "trainer/default.yaml" in problem.problem
    assert "trainer=zoo-foo:default" in problem.remedy


def test_a_missing_or_empty_preset_package_is_reported(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", entry_points={"zoo.conf": {"presets": "zoo_foo.nowhere"}}, modules={"zoo_foo/__init__.py": ""})
    plugin("zoo-bar", entry_points={"zoo.conf": {"presets": "zoo_bar.conf"}}, modules={"zoo_bar/conf/readme.txt": ""})
    said = {problem.subject: problem for problem in preset_problems()}
    assert "not there" in said["zoo-foo 1.0"].problem
    assert "no YAML file" in said["zoo-bar 1.0"].problem
    assert "package-data" in said["zoo-bar 1.0"].remedy


def test_a_package_that_python_refuses_to_look_for_is_only_reported(plugin: Callable[..., Any]) -> None:
    plugin("zoo-foo", entry_points={"zoo.conf": {"presets": "..conf"}})
    assert zoo.compose(["model=mlp"])["model"]["name"] == "mlp"
    assert len(preset_problems()) == 1


def test_a_file_added_later_is_seen_after_a_refresh(plugin: Callable[..., Any]) -> None:
    installed = plugin(conf={"model/one.yaml": {"defaults": ["/schema/model/mlp@_here_", "_self_"]}})
    assert "one" in list_presets("model")
    (installed.folder / "zoo_foo/conf/model/two.yaml").write_text("defaults: [/schema/model/mlp@_here_, _self_]\n")
    refresh()
    assert "two" in list_presets("model")


# -- of the user's folder ------------------------------------------------------------------------------------------


def test_the_users_folder_is_searched_first(write: Callable[..., Path]) -> None:
    folder = write(model__mlp={"defaults": ["/schema/model/mlp@_here_", "_self_"], "width": 33})
    assert zoo.compose(["model=mlp"], config_dir=folder)["model"]["width"] == 33
    assert zoo.compose(["model=mlp"])["model"]["width"] != 33


def test_an_experiment_of_the_users_sets_several_groups(write: Callable[..., Path]) -> None:
    folder = write(
        experiment__mine="# @package _global_\ndefaults:\n  - override /optimizer: sgd\noptimizer:\n  lr: 0.5\n"
    )
    config = zoo.compose(["experiment=mine"], config_dir=folder)
    assert (config["optimizer"]["name"], config["optimizer"]["lr"]) == ("sgd", 0.5)
    assert zoo.compose(["experiment=mine", "optimizer.lr=0.25"], config_dir=str(folder))["optimizer"]["lr"] == 0.25


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, refused_in_one_line: Callable[..., str]) -> None:
    assert "nowhere" in refused_in_one_line(config_dir=tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["width: [1\n", "- a\n- b\n", "width: 1\n width: 2\n", "width: 1\nwidth: 2\n"])
def test_a_file_that_is_no_yaml_of_keys_is_named(
    write: Callable[..., Path], refused_in_one_line: Callable[..., str], content: str
) -> None:
    folder = write(model__odd=content)
    assert refused_in_one_line("model=odd", config_dir=folder).startswith(f"{folder}/model/odd.yaml: ")


def test_a_file_that_is_no_text_is_named(write: Callable[..., Path], refused_in_one_line: Callable[..., str]) -> None:
    folder = write(model__odd="")
    (folder / "model/odd.yaml").write_bytes(b"width: \xff\n")
    assert refused_in_one_line("model=odd", config_dir=folder).startswith(f"{folder}/model/odd.yaml: ")


def test_an_unknown_preset_gets_the_nearest_one_and_the_list(
    write: Callable[..., Path], refused_in_one_line: Callable[..., str]
) -> None:
    folder = write(
        experiment__paper="# @package _global_\nseed: 1\n", experiment__other="# @package _global_\nseed: 2\n"
    )
    line = refused_in_one_line("experiment=papre", config_dir=folder)
    assert line.startswith("experiment=papre: ")
    assert "did you mean 'paper'" in line
    assert "other, paper" in line


def test_every_preset_of_ours_can_be_selected() -> None:
    for group in ("model", "trainer", "decode", "experiment", "callback"):
        for name in list_presets(group):
            assert find_preset(f"{group}/{name}") is not None
            needed = {"california_housing": ["data.path=table.csv"], "multi30k": ["data.path=folder"]}
            needed |= {one: ["data.path=folder"] for one in ("photos", "m4_hourly")}
            for one in ("sigmorphon2021", "attentions"):
                needed[one] = ["data.path=folder", "data.language=dut"]
            zoo.compose([f"{group}={name}", *needed.get(name, [])])
