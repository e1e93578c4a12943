"""The built-ins of a source tree come from its pyproject.toml, and from nowhere else."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.registry import GROUPS, HOST, Registry, discover

ROOT = Path(__file__).resolve().parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
TABLES = tomllib.loads(PROJECT)["project"]["entry-points"]
BUILT_IN = [(kind, name) for kind, group in GROUPS.items() for name in TABLES.get(group, {})]


def registry_of(checkout: Path) -> Registry:
    """What a source tree gives."""
    return Registry.of(discover(version="0.5", environ={}, checkout=checkout))


def test_every_line_of_the_tables_is_a_component_and_nothing_else_is() -> None:
    found = {(one.kind, one.name): one for one in registry_of(ROOT).components()}
    assert set(found) == set(BUILT_IN)
    assert all(one.builtin and one.status == "ok" and one.version == "0.5" for one in found.values())
    assert all(found[kind, name].target == TABLES[GROUPS[kind]][name] for kind, name in BUILT_IN)


def test_every_built_in_can_be_imported() -> None:
    for component in registry_of(ROOT):
        assert callable(component.load())


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_a_line_taken_out_is_gone_and_leaves_the_others(tmp_path: Path, kind: str, name: str) -> None:
    header = f'[project.entry-points."{GROUPS[kind]}"]'
    before, _, after = PROJECT.partition(header)
    shorter, count = re.subn(rf"^{re.escape(name)} = .*\n", "", after, count=1, flags=re.MULTILINE)
    assert count == 1
    (tmp_path / "pyproject.toml").write_text(before + header + shorter, encoding="utf-8")
    left = {(one.kind, one.name) for one in registry_of(tmp_path).components()}
    assert left == set(BUILT_IN) - {(kind, name)}


def test_installed_metadata_of_ours_is_ignored_beside_a_source_tree(plugin: Callable[..., Any]) -> None:
    plugin(HOST, "0.0.1", entry_points={"zoo.models": {"ancient": "zoo.models.ancient:Ancient"}})
    assert "ancient" not in registry_of(ROOT).names("model")


def test_without_a_source_tree_the_installed_metadata_says_what_is_built_in(plugin: Callable[..., Any]) -> None:
    from importlib.metadata import distributions

    folder = plugin("Attention_Zoo", "0.5", entry_points={"zoo.models": {"mlp": "zoo.models.mlp:MLP"}}).folder
    found = discover(distributions(path=[str(folder)]), version="0.5", environ={"ZOO_PLUGINS": "off"})
    (mlp,) = found.components
    assert mlp.builtin
    assert mlp.status == "ok"


def test_no_room_that_builds_by_name_imports_a_component() -> None:
    targets = {target.partition(":")[0] for group in GROUPS.values() for target in TABLES.get(group, {}).values()}
    rooms = [ROOT / "zoo" / room for room in ("registry", "config", "runs", "harness", "commands")]
    files = [*(ROOT / "zoo").glob("*.py"), *(file for room in rooms for file in room.rglob("*.py"))]
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                named = {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
            else:
                continue
            ours = {name for name in named & targets if name.startswith("zoo.")}
            assert not ours, f"{file}: {ours}"
