"""Importing the built-in components prints nothing, writes nothing and changes no global state."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.testing import loss_checks

#: Kinds of Lightning's, whose own import draws from Python's random numbers.
LIGHTNING = ("task", "callback", "logger")


def test_importing_every_component_changes_nothing_in_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them in one process, which takes as long as one would."""
    components = [one for one in zoo.components() if one.builtin and one.kind not in LIGHTNING]
    modules = sorted({one.target.partition(":")[0] for one in components})
    assert {"zoo.losses.regression", "zoo.models.mlp", "zoo.seq2seq.model", "zoo.metrics.ranking"} <= set(modules)
    lines = [f"import {module}" for module in modules] + ["from zoo.losses.regression import MSE"]
    (tmp_path / "every_component.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    suite = loss_checks("every_component:MSE")
    (result,) = [suite.result(rule) for rule in suite.rules if rule == "imports_quietly"]
    assert result.status == "passed", str(result)
