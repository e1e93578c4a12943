"""`zoo plugins list`, `show` and `doctor` tell what is installed, what it takes, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.commands.console import run_command
from zoo.commands.main import main_command

GOOD = """
from typing import Annotated, Literal
from annotated_types import Gt, Le
from torch import nn

class Lstm(nn.Module):
    '''A recurrent layer over the columns of a table.'''

    def __init__(self, in_features: int, out_features: int, depth: Annotated[int, Gt(0), Le(9)] = 2,
                 cell: Literal["plain", "peephole"] = "plain", widths: list[int] | None = None) -> None:
        super().__init__()
"""


def zoo_plugins(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status and both streams of `zoo plugins WORDS`."""
    capsys.readouterr()
    status = run_command(main_command, ["plugins", *words])
    written = capsys.readouterr()
    return status, written.out, written.err


def test_list_names_every_component_with_distribution_and_version(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]
) -> None:
    plugin("zoo-foo", "0.3", entry_points={"zoo.models": {"lstm": "zoo_foo:Lstm", "mlp": "zoo_foo:Lstm"}})
    status, out, _ = zoo_plugins(capsys, "list", "model")
    lines = [line.split(maxsplit=4) for line in out.splitlines()]
    assert status == 0
    assert ["model", "lstm", "zoo-foo", "0.3"] in lines
    shadowed = next(line for line in lines if line[:3] == ["model", "mlp", "zoo-foo"])
    assert shadowed[4].startswith("shadowed: ")
    assert "zoo-foo:mlp" in shadowed[4]


def test_list_shows_presets_too(capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]) -> None:
    plugin("zoo-foo", "0.3", conf={"model/tiny.yaml": "width: 4\n"})
    _, out, _ = zoo_plugins(capsys, "list")
    assert ["model", "tiny", "zoo-foo", "preset"] in [line.split() for line in out.splitlines()]


def test_list_as_json_is_one_record_a_component(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin("zoo-foo", "0.3", entry_points={"zoo.losses": {"odd": "zoo_foo:Odd"}})
    monkeypatch.setenv("ZOO_PLUGINS", "-zoo-foo")
    status, out, _ = zoo_plugins(capsys, "list", "loss", "--json")
    (odd,) = [one for one in json.loads(out) if one["name"] == "odd"]
    assert status == 0
    assert {key: odd[key] for key in ("kind", "distribution", "version", "status")} == {
        "kind": "loss",
        "distribution": "zoo-foo",
        "version": "0.3",
        "status": "disabled",
    }


def test_an_unknown_kind_gets_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = zoo_plugins(capsys, "list", "modle")
    assert (status, out) == (2, "")
    assert "did you mean 'model'?" in err


def test_show_prints_every_option_with_type_range_and_default(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]
) -> None:
    plugin(
        "zoo-foo",
        "0.3",
        entry_points={"zoo.models": {"lstm": "zoo_foo.nets:Lstm"}},
        modules={"zoo_foo/__init__.py": "", "zoo_foo/nets.py": GOOD},
    )
    status, out, _ = zoo_plugins(capsys, "show", "model", "lstm")
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if line.startswith("  ")}
    assert status == 0
    assert "A recurrent layer over the columns of a table." in out
    assert "zoo-foo 0.3" in out
    assert rows["model.depth"] == "= 2 int > 0 <= 9"
    assert rows["model.cell"] == "= 'plain' 'plain' | 'peephole'"
    assert rows["model.widths"] == "= None list[int] | None"
    assert rows["model.in_features"].startswith("found out by the run")


def test_show_of_a_broken_component_is_one_line(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]
) -> None:
    plugin(
        "zoo-foo",
        "0.3",
        entry_points={"zoo.models": {"bad": "zoo_foo:Bad"}},
        modules={"zoo_foo/__init__.py": "raise RuntimeError('libcuda missing')"},
    )
    status, _, err = zoo_plugins(capsys, "show", "model", "bad")
    assert status == 2
    assert err == "error: model=bad: zoo-foo 0.3 (zoo_foo:Bad) failed to import: RuntimeError: libcuda missing\n"


def test_doctor_finds_nothing_wrong_with_the_built_ins(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = zoo_plugins(capsys, "doctor")
    problems = [line for line in out.splitlines() if line.startswith(("attention-zoo", "zoo."))]
    assert problems == []
    assert status == (0 if out.splitlines()[-1].endswith("no problems") else 2)


def test_doctor_names_what_cannot_be_imported_or_built(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]
) -> None:
    source = "class Greedy:\n    def __init__(self, **options): pass\n"
    plugin(
        "zoo-foo",
        "0.3",
        entry_points={"zoo.models": {"gone": "zoo_foo.gone:Gone", "greedy": "zoo_foo:Greedy"}},
        modules={"zoo_foo/__init__.py": source},
        conf={},
    )
    status, out, _ = zoo_plugins(capsys, "doctor")
    assert status == 2
    assert "zoo-foo 0.3, model gone" in out
    assert "ModuleNotFoundError" in out
    assert "zoo-foo 0.3, model greedy" in out
    assert "**options" in out or "*options" in out
    assert "no YAML file in zoo_foo.conf" in out or "is not there" in out


def test_doctor_names_a_package_that_adds_callbacks_to_every_lightning_run(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]
) -> None:
    plugin("intruder", "2.0", entry_points={"lightning.pytorch.callbacks_factory": {"spy": "intruder:spy"}})
    status, out, _ = zoo_plugins(capsys, "doctor")
    assert status == 2
    assert "intruder 2.0: adds callbacks to every Lightning run (intruder:spy)" in out


def test_doctor_names_modules_that_hydra_imports_at_every_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hydra_plugins" / "slow_starter").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    status, out, _ = zoo_plugins(capsys, "doctor")
    assert status == 2
    assert "hydra_plugins.slow_starter: Hydra imports it at every start of every application" in out


def test_doctor_names_stale_metadata_in_the_working_folder(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]
) -> None:
    plugin("zoo-foo", "0.3", entry_points={"zoo.models": {"new": "zoo_foo:New"}}, modules={"zoo_foo.py": "New = dict"})
    plugin("zoo-foo", "0.1", entry_points={"zoo.models": {"old": "zoo_foo:Old"}}, kind="egg-info")
    _, out, _ = zoo_plugins(capsys, "doctor")
    assert "stale metadata" in out
    assert "0.1" in out
    assert "model old" not in out


def test_doctor_names_an_incompatible_plugin_once_however_many_components_it_has(
    capsys: pytest.CaptureFixture[str], plugin: Callable[..., object]
) -> None:
    entries = {"zoo.models": {"a": "zoo_foo:A", "b": "zoo_foo:B"}}
    plugin("zoo-foo", "0.3", entry_points=entries, requires=["attention-zoo>=9"])
    _, out, _ = zoo_plugins(capsys, "doctor")
    assert out.count("incompatible") == 1
    assert "update one of the two" in out


@pytest.mark.parametrize(
    "words", [["doctr"], ["show", "model"], ["new"], ["new", "a", "b"], ["new", "x", "--knd", "y"]]
)
def test_wrong_words_are_one_line_and_status_2(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    status, _, err = zoo_plugins(capsys, *words)
    assert status == 2
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


def test_new_writes_a_package_and_says_what_comes_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = zoo_plugins(capsys, "new", "acme-net")
    assert status == 0
    assert (tmp_path / "acme-net" / "pyproject.toml").is_file()
    assert "python -m zoo.train model=acme-net" in out
