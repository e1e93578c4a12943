"""Tab completion offers what is installed, from metadata."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.commands.completion import SCRIPT, completions
from zoo.commands.main import USAGE


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("zoo ", set(re.findall(r"^  (\w+)  +\S", USAGE, re.MULTILINE))),
        ("zoo tr", {"train", "translate"}),
        ("zoo train mod", {"model=", "model."}),
        ("zoo train model=m", {"model=mlp"}),
        (
            "zoo train seed=1 task=",
            {"task=classification", "task=embedding", "task=forecast", "task=regression", "task=seq2seq"},
        ),
        ("zoo train experiment=dig", {"experiment=digits"}),
        ("zoo plugins d", {"doctor"}),
        ("zoo plugins show model l", {"linear"}),
        ("zoo predict i", {"input="}),
        ("zoo lr p", {"penalty=", "phase="}),
        ("zoo lr re", set()),
        ("zoo export f", {"format="}),
        ("zoo soup ", {"run=", "output=", "method="}),
        ("zoo plot schedule=cy", {"schedule=cyclic"}),
        ("zoo nothing ", set()),
    ],
)
def test_completions_of_a_line(line: str, expected: set[str]) -> None:
    assert set(completions(line)) == expected


def test_a_plugin_is_offered_without_being_imported(plugin: Callable[..., object]) -> None:
    plugin(
        "zoo-foo",
        "0.3",
        entry_points={"zoo.models": {"lstm": "zoo_foo:Lstm"}},
        modules={"zoo_foo.py": "raise SystemExit('imported')"},
        conf={"model/lstm_big.yaml": "{}"},
    )
    assert completions("zoo train model=ls") == ["model=lstm", "model=lstm_big"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_script_completes_in_bash(tmp_path: Path) -> None:
    zoo = tmp_path / "zoo"
    zoo.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from zoo.cli import main; main()" "$@"\n')
    zoo.chmod(0o755)
    script = SCRIPT + (
        'COMP_LINE="zoo train model=ml"; COMP_POINT=${#COMP_LINE}; _zoo_complete; echo "${COMPREPLY[*]}"\n'
        'COMP_LINE="zoo eva"; COMP_POINT=${#COMP_LINE}; _zoo_complete; echo "${COMPREPLY[*]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["mlp", "evaluate"], done.stderr
