"""Commands that need no model answer from metadata: nothing heavy is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ["torch", "pytorch_lightning", "torchmetrics", "hydra", "omegaconf", "pydantic", "pandas", "numpy", "sklearn"]

SCRIPT = """
import json, sys
from zoo.commands.console import run_command
{imports}
status = run_command({command}, {arguments})
print(json.dumps([status, sorted(set({heavy}) & set(sys.modules))]))
"""


def imported_by(imports: str, command: str, arguments: list[str]) -> tuple[int, list[str]]:
    """Exit status of a command in a new process, and the heavy modules it imported."""
    script = SCRIPT.format(imports=imports, command=command, arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    status, heavy = json.loads(done.stdout.splitlines()[-1])
    return status, heavy


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["version"],
        ["plugins", "list"],
        ["plugins", "list", "model", "--json"],
        ["train", "--help"],
        ["evaluate", "--help"],
        ["predict", "--help"],
        ["completion"],
        ["completion", "--answer", "zoo train model="],
    ],
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    status, heavy = imported_by("from zoo.commands.main import main_command", "main_command", arguments)
    assert (status, heavy) == (0, [])


def test_an_unknown_command_is_refused_without_heavy_imports() -> None:
    status, heavy = imported_by("from zoo.commands.main import main_command", "main_command", ["trian"])
    assert (status, heavy) == (2, [])


def test_the_front_doors_hold_no_classes() -> None:
    import ast
    from pathlib import Path

    import zoo

    for name in ("train.py", "evaluate.py", "predict.py", "cli.py"):
        tree = ast.parse((Path(zoo.__file__).parent / name).read_text())
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)], name
