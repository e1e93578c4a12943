"""A run folder as training leaves it, without training."""

from __future__ import annotations

import csv
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from zoo.runs.folder import RunFolder

CONFIG = {
    "seed": 3,
    "task": {"name": "classification", "threshold": 0.5},
    "data": {"name": "digits"},
    "model": {"name": "mlp", "width": 64},
    "checkpoint": {"monitor": "val/loss", "mode": "min"},
}
RECORD = {
    "overrides": ["data=digits", "model.width=64", "hydra.run.dir=/somewhere/else"],
    "seed": 3,
    "command": ["/checkout/zoo/train.py", "data=digits"],
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": True},
    "packages": {"attention-zoo": "0.1.0", "python": "3.11.7", "torch": "2.6.0"},
    "components": [
        {
            "kind": "model",
            "name": "mlp",
            "target": "zoo.models.mlp:MLP",
            "distribution": "attention-zoo",
            "version": "0.1.0",
            "commit": "fedcba9876543210fedcba9876543210fedcba98",
            "editable": True,
        },
        {"kind": "loss", "name": "focal", "distribution": "zoo-focal", "version": "2.5", "commit": None},
    ],
}
METRICS = {
    "train/epoch_loss": 0.06761002627126547,
    "val/loss": 0.11761049802104633,
    "val/accuracy": 0.9666666,
    "test/loss": 0.09916815782586734,
    "test/accuracy": 0.9694445,
    "train/steps": 1300,
    "train/epochs": 2,
    "train/seconds": 252.4,
    "best/step": 650,
}
LOG: list[dict[str, Any]] = [
    {"step": 100, "train/loss": 2.0, "lr": 0.001},
    {"step": 650, "val/loss": 0.1176, "val/accuracy": 0.96, "train/epoch_loss": 0.9},
    {"step": 1300, "val/loss": 0.2, "val/accuracy": 0.95, "train/epoch_loss": 0.07, "train/loss": 0.06, "lr": 0.0005},
]

MakeRun = Callable[..., RunFolder]


def write_log(path: Path, rows: list[dict[str, Any]]) -> None:
    """A CSV file as the csv logger writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(["step", *(name for row in rows for name in row)]))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Make a finished run; every part can be another."""

    def make(
        *,
        config: dict[str, Any] = CONFIG,
        record: dict[str, Any] | None = RECORD,
        metrics: dict[str, float] | None = METRICS,
        log: list[dict[str, Any]] | None = LOG,
    ) -> RunFolder:
        run = RunFolder.create(tmp_path / f"run{len(list(tmp_path.iterdir()))}")
        run.write_config(config)
        if record is not None:
            run.write_record(record)
        if metrics is not None:
            run.write_metrics(metrics)
        if log is not None:
            write_log(run.logs / "metrics.csv", log)
        return run

    return make


class Page(HTMLParser):
    """What a browser finds in a page.

    Attributes:
        tags: every start tag with its attributes.
        text: everything written, tags left out.
        rows: the cells of every table row, as text.
        exact: the cells of every table row, numbers as `<data value>` says them.
    """

    VOID = ("meta", "link", "img", "br")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self.exact: list[list[str]] = []
        self.open: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """HTMLParser's hook."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
            self.exact.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
            self.exact[-1].append("")
        elif tag == "data" and "td" in self.open:
            self.exact[-1][-1] = dict(attrs)["value"] or ""

    def handle_endtag(self, tag: str) -> None:
        """HTMLParser's hook. Every tag is closed in order."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """HTMLParser's hook."""
        if "style" in self.open:
            return
        self.text += data
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data
            if "data" not in self.open:
                self.exact[-1][-1] += data

    def table(self, first: str) -> dict[str, list[str]]:
        """Exact cells by the name of their row, of the table whose header starts like this."""
        start = next(number for number, row in enumerate(self.exact) if row[0] == first)
        width = len(self.exact[start])
        found = {}
        for row in self.exact[start + 1 :]:
            if len(row) != width or row[0] in ("kind", "class", "label", "target", "metric"):
                break
            found[row[0]] = row[1:]
        return found


@pytest.fixture
def read_page() -> type[Page]:
    """Parse a written page."""
    return Page
