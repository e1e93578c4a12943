"""The registry stands on the standard library alone, and on nothing else of the toolkit."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zoo.registry


def test_the_sources_import_the_standard_library_and_each_other() -> None:
    files = sorted(Path(zoo.registry.__file__).parent.glob("*.py"))
    assert len(files) >= 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, file
                names = [str(node.module)]
            for name in names:
                allowed = name.split(".")[0] in sys.stdlib_module_names or name.startswith("zoo.registry")
                assert allowed, f"{file} imports {name}"


def test_using_it_loads_nothing_beyond_the_standard_library(run_python: Callable[..., Any]) -> None:
    done = run_python(
        "import json, sys\n"
        "before = set(sys.modules)\n"
        "from zoo.registry import Registry, discover\n"
        "registry = Registry.of(discover(version='1'))\n"
        "registry.names('model'), registry.problems()\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))\n"
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) - set(sys.stdlib_module_names) == {"zoo"}
