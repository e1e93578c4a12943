"""The page of all components is what the script makes of the registry."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from zoo.config.composition import compose_with_hydra
from zoo.config.installed import registry
from zoo.config.validation import validate_nodes

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_catalogue", ROOT / "scripts" / "write_catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_script_writes(writer: ModuleType) -> None:
    written = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert writer.catalogue() == written, "run python scripts/write_catalogue.py"


def test_every_built_in_component_is_on_the_page() -> None:
    lines = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("`")[1] for line in lines if line.startswith("| `")]
    built_in = [one.name for one in registry().components() if one.builtin]
    assert len(built_in) > 100
    assert all(rows.count(name) >= built_in.count(name) for name in built_in)


def test_every_picture_on_the_page_is_there() -> None:
    page = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    pictures = [part.split(")")[0] for part in page.split("](")[1:] if part.split(")")[0].endswith(".png")]
    assert pictures
    assert all((ROOT / "docs" / picture).is_file() for picture in pictures)


def test_the_commands_on_the_page_are_understood() -> None:
    page = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    prose = " ".join(line for line in page.splitlines() if not line.startswith("| "))
    commands = {one for one in re.findall(r"`([^`]+=[^`]+)`", prose) if "NAME" not in one and "VALUE" not in one}
    assert len(commands) > 5
    for command in sorted(commands):
        words = shlex.split(command)
        needed = ["attention=dot", "model=seq2seq"] if "attention" in command else []
        needed += ["model=resnet"] if "model.head" in command else []
        needed += ["model=mlp"] if "model.activation" in command else []
        config = compose_with_hydra([*needed, *words], check=False)[0]
        validate_nodes(config, ("model", "optimizer"))


@pytest.mark.parametrize(
    ("words", "source"),
    [
        ("Steps; Kingma & Ba (2015), algorithm 2.", "Kingma & Ba (2015), algorithm 2"),
        ("As in Duchi, Hazan & Singer (2011).", "Duchi, Hazan & Singer (2011)"),
        ("See You et al. (2020), section 3.2.", "You et al. (2020), section 3.2"),
        ("The mean of -log p.", None),
    ],
)
def test_sources_are_found(words: str, source: str | None, writer: ModuleType) -> None:
    found = writer.CITED.search(words)
    assert (found.group() if found else None) == source
