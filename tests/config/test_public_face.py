"""`import zoo`: what it offers, and how little it loads."""

from __future__ import annotations

import json
import re
import subprocess
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.registry import GROUPS, Component, ZooError

HEAVY = ("torch", "pytorch_lightning", "lightning", "hydra", "omegaconf", "pydantic", "torchmetrics", "pandas", "numpy",
         "sklearn")  # fmt: skip
PLUGIN = {
    "entry_points": {"zoo.models": {"lazy": "zoo_lazy:Net"}},
    "modules": {"zoo_lazy/__init__.py": "class Net:\n    def __init__(self, width: int = 1): ...\n"},
    "conf": {"model/lazy_big.yaml": {"defaults": ["/schema/model/lazy@_here_", "_self_"], "width": 9}},
}


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The top packages that a script printed as loaded."""
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


REPORT = "\nimport json, sys\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"


@pytest.mark.parametrize(
    "code",
    [
        "import zoo",
        "import zoo.config.installed",
        "import zoo\nassert 'lazy' in [one.name for one in zoo.components()]",
        "import zoo\nassert zoo.components('model')",
        "from zoo.config.installed import registry\nregistry().problems(), registry().get('model', 'lazy')",
        "from zoo.config.presets import list_presets\nassert 'lazy_big' in list_presets('model')",
    ],
)
def test_looking_around_imports_nothing_heavy_and_no_plugin(
    plugin: Callable[..., Any], run_python: Callable[..., Any], code: str
) -> None:
    done = run_python(code + REPORT, plugins=[plugin("zoo-lazy", **PLUGIN)])
    assert loaded(done) & {*HEAVY, "zoo_lazy"} == set()


def test_composing_imports_no_plugin_but_the_chosen_one(
    plugin: Callable[..., Any], run_python: Callable[..., Any]
) -> None:
    lazy = plugin("zoo-lazy", **PLUGIN)
    other = plugin("zoo-other", entry_points={"zoo.models": {"other": "zoo_other:Net"}}, modules={"zoo_other.py": ""})
    done = run_python(
        "import zoo\nassert zoo.compose(['model=lazy_big'])['model']['width'] == 9" + REPORT, plugins=[lazy, other]
    )
    assert "zoo_lazy" in loaded(done)
    assert "zoo_other" not in loaded(done)


# -- zoo.train is the function ------------------------------------------------------------------------------------


def test_importing_the_front_door_leaves_zoo_train_callable(run_python: Callable[..., Any]) -> None:
    done = run_python(
        "import zoo\nfirst = zoo.train\nimport zoo.train\nfrom zoo import train\n"
        "assert zoo.train is first is train and callable(zoo.train)\n"
        "import sys, types\nassert isinstance(sys.modules['zoo.train'], types.ModuleType)\n"
    )
    assert done.returncode == 0, done.stderr


def test_the_public_names_exist_and_say_what_they_do() -> None:
    assert set(zoo.__all__) >= {"build", "components", "compose", "load", "train"}
    for name in zoo.__all__:
        assert isinstance(getattr(zoo, name), types.FunctionType)
        assert getattr(zoo, name).__doc__


# -- zoo.components ------------------------------------------------------------------------------------------------


def test_components_come_with_distribution_and_version(plugin: Callable[..., Any]) -> None:
    plugin("zoo-lazy", "2.5", **PLUGIN)
    found = {one.name: one for one in zoo.components("model")}
    assert all(isinstance(one, Component) for one in found.values())
    assert (found["lazy"].distribution, found["lazy"].version) == ("zoo-lazy", "2.5")
    assert (found["mlp"].distribution, found["mlp"].version) == ("attention-zoo", zoo.__version__)


def test_all_kinds_are_the_sum_of_each() -> None:
    each = [one for kind in GROUPS for one in zoo.components(kind)]
    assert sorted(map(repr, each)) == sorted(map(repr, zoo.components()))


def test_an_unknown_kind_is_an_error_with_the_nearest() -> None:
    with pytest.raises(ZooError, match="did you mean 'loss'"):
        zoo.components("los")


def test_components_changes_with_what_is_installed_after_a_refresh(plugin: Callable[..., Any]) -> None:
    assert "lazy" not in {one.name for one in zoo.components("model")}
    plugin("zoo-lazy", **PLUGIN)
    assert "lazy" in {one.name for one in zoo.components("model")}


# -- other Hydra applications --------------------------------------------------------------------------------------


def test_another_hydra_application_never_sees_ours(run_python: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import hydra\n@hydra.main(version_base='1.3', config_path=None)\ndef main(config): print(config)\nmain()\n"
    )
    path = run_python(
        "-c",
        f"import runpy, sys; sys.argv = ['app.py', '--info', 'searchpath']; "
        f"runpy.run_path({str(tmp_path / 'app.py')!r}, run_name='__main__')",
    )
    assert path.returncode == 0, path.stderr
    assert "provider" in path.stdout.lower()
    assert "zoo://" not in path.stdout
    assert not re.search(r"^\s*\|?\s*zoo\b", path.stdout, re.MULTILINE)


def test_nothing_of_ours_lives_in_the_namespace_of_hydras_plugins() -> None:
    from importlib.metadata import distribution

    root = Path(zoo.__file__).resolve().parent.parent
    assert not (root / "hydra_plugins").exists()
    assert not [file for file in root.glob("zoo/**/*.py") if re.search(r"import\s+hydra_plugins", file.read_text())]
    assert "hydra_plugins" not in (distribution("attention-zoo").read_text("top_level.txt") or "")
    assert all("hydra" not in point.group for point in distribution("attention-zoo").entry_points)


def test_hydras_instantiate_is_never_called() -> None:
    root = Path(zoo.__file__).resolve().parent
    for file in root.rglob("*.py"):
        assert not re.search(r"\binstantiate\(|import instantiate|hydra\.utils", file.read_text()), file
