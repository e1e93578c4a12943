"""Logged values as one CSV file, a row a step, that survives being resumed."""

from __future__ import annotations

import csv
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only


class CSVLogger(Logger):
    """Writes `logs/metrics.csv`: the column `step`, and one column a logged name.

    Resuming drops the rows behind the checkpoint, so the file ends as an uninterrupted run's does.

    Args:
        save_dir: the run's log folder, injected.
    """

    def __init__(self, save_dir: str) -> None:
        super().__init__()
        self.path = Path(save_dir) / "metrics.csv"
        self._rows: list[dict[str, Any]] = _read(self.path)
        self._columns = list(dict.fromkeys(column for row in self._rows for column in row)) or ["step"]
        self._written = len(self._rows)

    @property
    def name(self) -> str:
        """Lightning asks for one."""
        return "csv"

    @property
    def version(self) -> str:
        """Lightning asks for one."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run folder has config.yaml."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add values to the row of a step."""
        new = [name for name in metrics if name not in self._columns]
        if self._rows and self._rows[-1]["step"] == step and not set(metrics) & set(self._rows[-1]):
            self._rows[-1].update(metrics)
            self._written = 0
        else:
            self._rows.append({"step": step, **metrics})
        self._columns += new
        if new:
            self._written = 0

    @rank_zero_only
    def save(self) -> None:
        """Write what is not yet on disk."""
        if self._written == len(self._rows):
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._written and self.path.exists():
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns).writerows(self._rows[self._written :])
        else:
            temporary = self.path.with_suffix(".part")
            with temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, self._columns)
                writer.writeheader()
                writer.writerows(self._rows)
            os.replace(temporary, self.path)
        self._written = len(self._rows)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Lightning's hook at the end of a stage."""
        self.save()

    @rank_zero_only
    def resume_at(self, step: int) -> None:
        """Forget what was logged behind this step."""
        self._rows = [row for row in self._rows if row["step"] is None or row["step"] <= step]
        self._written = 0
        self.save()


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole_lines = text[: text.rfind("\n") + 1].splitlines()  # a killed process may leave half a line
    rows = [
        {name: value for name, value in row.items() if value not in ("", None)} for row in csv.DictReader(whole_lines)
    ]
    return [{k: int(v) if k == "step" else float(v) for k, v in row.items()} for row in rows]
