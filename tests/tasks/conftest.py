"""Tasks around a linear model whose weights are set by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.harness.run import Run


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Run]:
    """Train on a CSV file of columns a, b and targets made from them."""

    def trained(target: str, *overrides: str, rows: int = 200) -> Run:
        random = np.random.default_rng(0)
        a, b = random.normal(size=(2, rows))
        columns = {
            "a": a,
            "b": b,
            "price": 5000 + 1000 * (a + b) + random.normal(size=rows),
            "weight": 0.01 * (a - b),
            "p": (a > 0).astype(int),
            "q": (a + b > 0).astype(int),
            "r": (b > 1).astype(int),
            "answer": np.where(a + b > 0, "yes", "no"),
            "size": np.where(a > 0.5, "big", np.where(a < -0.5, "small", "medium")),
        }
        wanted = target.strip("[]").split(",")
        names = ["a", "b", *wanted]
        lines = [",".join(names)] + [",".join(str(columns[name][row]) for name in names) for row in range(rows)]
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(lines) + "\n")
        words = [
            "data=csv",
            f"data.path={path}",
            f"data.target={target}",
            "logger=null",
            "report=false",
            "optimizer.lr=0.05",
        ]
        words += ["trainer.accelerator=cpu", "trainer.devices=1", "trainer.max_epochs=3", *overrides]
        config = zoo.compose(list({word.split("=")[0]: word for word in words}.values()))
        return zoo.train(config, tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}")

    return trained
