"""The checks of the package around a component: entry points, presets, wheels, imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.config.installed import refresh
from zoo.testing import check_model, model_checks

WRONG = Path(__file__).parent / "wrong"
MODEL = (WRONG / "models.py").read_text(encoding="utf-8").split("class SwallowsOptions")[0]
PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"

[project.entry-points."zoo.models"]
tiny = "{package}:Right"

[project.entry-points."zoo.conf"]
presets = "{package}.conf"

[tool.setuptools.packages.find]
where = ["src"]
namespaces = false
{rest}
"""
PACKAGE_DATA = '[tool.setuptools.package-data]\n"*" = ["**/*.yaml"]'


def record(plugin):
    """Write the list of files that pip writes."""
    files = [file for file in sorted(plugin.folder.rglob("*")) if file.is_file()]
    lines = [f"{file.relative_to(plugin.folder).as_posix()},," for file in files]
    (plugin.metadata / "RECORD").write_text("\n".join(lines) + "\n")


def install(plugin, name, *, conf=None, points=None, preset_points=None):
    """A distribution with one model, installed by hand with a RECORD."""
    package = name.replace("-", "_")
    entry_points = {"zoo.models": points or {"tiny": f"{package}:Right"}} | (preset_points or {})
    made = plugin(name, entry_points=entry_points, modules={f"{package}/__init__.py": MODEL}, conf=conf)
    record(made)
    return made, f"{package}:Right"


def wrong(target):
    return {result.name: result.message for result in model_checks(target).report().wrong}


def test_presets_that_select_the_entry_point_by_name_conform(plugin):
    presets = {
        "model/tiny_small.yaml": {"defaults": ["/schema/model/tiny@_here_", "_self_"], "width": 4},
        "model/tiny_wide.yaml": {"name": "tiny", "width": 64},
        "model/tiny_wider.yaml": {"defaults": ["tiny_wide", "_self_"], "width": 128},
    }
    _, target = install(plugin, "zoo-tiny", conf=presets)
    report = check_model(target)
    assert [one.status for one in report.results] == ["passed"] * len(report.results)


@pytest.mark.parametrize(
    "preset",
    [
        {"name": "small", "width": 4},
        {"defaults": ["/schema/model/small@_here_", "_self_"], "width": 4},
        {"defaults": [{"/schema/model/small@_here_": None}, "_self_"], "width": 4},
    ],
)
def test_a_preset_with_another_name_than_the_entry_point_is_caught(plugin, preset):
    _, target = install(plugin, "zoo-tiny", conf={"model/tiny_small.yaml": preset})
    found = wrong(target)
    assert list(found) == ["entry_point_name"]
    assert "model/tiny_small.yaml selects 'small'" in found["entry_point_name"]
    assert "'tiny'" in found["entry_point_name"]


def test_a_preset_that_contradicts_itself_or_hides_the_entry_point_is_caught(plugin):
    preset = {"defaults": ["/schema/model/tiny@_here_", "_self_"], "name": "mlp"}
    _, target = install(plugin, "zoo-tiny", conf={"model/small.yaml": preset})
    assert "selects 'tiny' and 'mlp'" in wrong(target)["entry_point_name"]
    hiding = {"model/hidden.yaml": {"name": "mlp"}}
    _, target = install(plugin, "zoo-hidden", conf=hiding, points={"hidden": "zoo_hidden:Right"})
    assert "rename" in wrong(target)["entry_point_name"]


def test_a_target_without_an_entry_point_is_caught(plugin):
    install(plugin, "zoo-tiny", points={"other": "zoo_tiny:nn"})
    found = wrong("zoo_tiny:Right")
    assert list(found) == ["entry_point_name"]
    assert 'project.entry-points."zoo.models"' in found["entry_point_name"]


def test_a_name_that_a_built_in_has_is_caught(plugin):
    _, target = install(plugin, "zoo-tiny", points={"mlp": "zoo_tiny:Right"})
    assert "shadowed" in wrong(target)["entry_point_name"]


def test_another_import_path_of_the_same_class_is_recognised(plugin):
    made, _ = install(plugin, "zoo-tiny")
    (made.folder / "zoo_tiny" / "again.py").write_text("from zoo_tiny import Right\n")
    assert not wrong("zoo_tiny.again:Right")


def test_missing_presets_are_caught(plugin):
    made, target = install(plugin, "zoo-tiny", conf={"model/small.yaml": {"name": "tiny"}})
    (made.folder / "zoo_tiny/conf/model/small.yaml").unlink()
    found = wrong(target)
    assert list(found) == ["yaml_in_wheel"]
    assert "package-data" in found["yaml_in_wheel"]


def test_a_preset_package_that_is_not_there_is_caught(plugin):
    _, target = install(plugin, "zoo-tiny", preset_points={"zoo.conf": {"presets": "zoo_tiny.conf"}})
    assert "there is no such package" in wrong(target)["yaml_in_wheel"]


def test_presets_that_no_entry_point_declares_are_caught(plugin):
    made, target = install(plugin, "zoo-tiny")
    (made.folder / "zoo_tiny/conf").mkdir()
    (made.folder / "zoo_tiny/conf/small.yaml").write_text("name: tiny\n")
    assert "no entry point declares it" in wrong(target)["yaml_in_wheel"]


def test_presets_that_pip_did_not_install_are_caught(plugin):
    made, target = install(plugin, "zoo-tiny", conf={"model/small.yaml": {"name": "tiny"}})
    (made.folder / "zoo_tiny/conf/model/late.yaml").write_text("name: tiny\n")
    assert "the wheel lacks zoo_tiny/conf/model/late.yaml" in wrong(target)["yaml_in_wheel"]


def editable(folder, monkeypatch, name, rest):
    """A source tree, installed as `pip install -e` does it."""
    package = name.replace("-", "_")
    presets = folder / "src" / package / "conf" / "model"
    presets.mkdir(parents=True)
    (presets / "small.yaml").write_text("name: tiny\n")
    for init in (presets.parents[1], presets.parent):
        (init / "__init__.py").write_text("")
    (presets.parents[1] / "__init__.py").write_text(MODEL)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, package=package, rest=rest))
    metadata = folder / "site" / f"{package}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = f"[zoo.models]\ntiny = {package}:Right\n[zoo.conf]\npresets = {package}.conf\n"
    (metadata / "entry_points.txt").write_text(points)
    told = {"dir_info": {"editable": True}, "url": folder.as_uri()}
    (metadata / "direct_url.json").write_text(json.dumps(told))
    monkeypatch.syspath_prepend(str(folder / "src"))
    monkeypatch.syspath_prepend(str(folder / "site"))
    refresh()
    return f"{package}:Right"


@pytest.mark.slow
def test_presets_missing_from_the_wheel_of_an_editable_installation_are_caught(tmp_path, monkeypatch):
    target = editable(tmp_path / "lacking", monkeypatch, "zoo-lacking", "")
    found = wrong(target)
    assert list(found) == ["yaml_in_wheel"]
    assert "the wheel lacks zoo_lacking/conf/model/small.yaml" in found["yaml_in_wheel"]
    target = editable(tmp_path / "with-data", monkeypatch, "zoo-with-data", PACKAGE_DATA)
    assert model_checks(target).result("yaml_in_wheel").status == "passed"
    assert not list((tmp_path / "with-data").rglob("build")), "the source tree is left as it was"


@pytest.mark.slow
def test_presets_missing_from_an_installed_wheel_are_caught(tmp_path, monkeypatch):
    source = tmp_path / "source"
    editable(source, monkeypatch, "zoo-unpacked", "")
    site = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(site), str(source)], check=True, timeout=120)
    for folder in (source / "src", source / "site"):
        sys.path.remove(str(folder))
    monkeypatch.syspath_prepend(str(site))
    refresh()
    found = wrong("zoo_unpacked:Right")
    assert list(found) == ["yaml_in_wheel"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("torch.set_default_dtype(torch.float64)", "default dtype"),
        ("torch.manual_seed(3)", "torch's random state"),
        ("print('hello')", "standard output"),
        ("open('note.txt', 'w').close()", "files of the working folder"),
    ],
)
def test_a_module_that_does_something_when_imported_is_caught(plugin, line, named):
    package = "zoo_loud_" + "".join(letter for letter in named if letter.isalpha())
    modules = {f"{package}/__init__.py": "", f"{package}/loud.py": f"{MODEL}\n\nif __name__ != 'here':\n    {line}\n"}
    harmless = {name: text.replace(line, "pass") for name, text in modules.items()}
    made = plugin(package, entry_points={"zoo.models": {"loud": f"{package}.loud:Right"}}, modules=harmless)
    __import__(f"{package}.loud")  # this process keeps its state; the check looks in another one
    (made.folder / package / "loud.py").write_text(modules[f"{package}/loud.py"])
    found = wrong(f"{package}.loud:Right")
    assert list(found) == ["imports_quietly"]
    assert named in found["imports_quietly"]
