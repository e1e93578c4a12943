"""Logged values as curves."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Curve:
    """Values over optimizer steps; a value may be NaN or infinite."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def read_curves(path: Path) -> dict[str, Curve]:
    """The curve of every name in a `logs/metrics.csv`.

    Args:
        path: of the file; none, an empty one and damaged rows give fewer curves, never an error.
    """
    curves: dict[str, Curve] = {}
    if not path.is_file():
        return curves
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            step = _number(row.pop("step", None))
            if step is None or not step >= 0:
                continue
            for name, text in row.items():
                value = _number(text)
                if name and value is not None:
                    curve = curves.setdefault(name, Curve())
                    curve.steps.append(int(step))
                    curve.values.append(value)
    return curves


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
