"""The plugins of the folder wrong/, installed as one distribution."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.registry import GROUPS

WRONG = Path(__file__).parent / "wrong"


@pytest.fixture
def wrong_plugins(plugin: Callable[..., Any]) -> None:
    """Make every class and function of wrong/models.py a registered model `zoo_wrong.models:Name`, and so on."""
    entry_points = {}
    modules = {"zoo_wrong/__init__.py": ""}
    for file in sorted(WRONG.glob("*.py")):
        text = file.read_text(encoding="utf-8")
        group = next(group for group in GROUPS.values() if group == f"zoo.{file.stem}")
        defined = [one.name for one in ast.parse(text).body if isinstance(one, ast.ClassDef | ast.FunctionDef)]
        entry_points[group] = {name: f"zoo_wrong.{file.stem}:{name}" for name in defined}
        modules[f"zoo_wrong/{file.name}"] = text
    plugin("zoo-wrong", entry_points=entry_points, modules=modules)
