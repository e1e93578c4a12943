"""Series against the kit, and faults of forecast data against the check meant for each."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import zoo.testing
from zoo.data.series.dataset import WindowDataset
from zoo.data.series.series import Series


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("series") / "wide.csv"
    lines = ["id," + ",".join(f"v{step}" for step in range(40))]
    for series in range(6):
        values = [10 * (series + 1) + 3 * math.sin(step + series) + 0.1 * step * series for step in range(40)]
        lines.append(f"s{series}," + ",".join(f"{value:.4f}" for value in values))
    path.write_text("\n".join(lines) + "\n")
    return path


def checks(csv: Path, target: str = "zoo.data.series.series:Series") -> Any:
    config = {"path": str(csv), "horizon": 4, "season": 4, "windows": 3, "batch_size": 2}
    return zoo.testing.data_checks(target, config=config, source=csv)


def test_series_conform(csv: Path) -> None:
    report = checks(csv).report()
    assert not report.wrong, [(one.name, one.message) for one in report.wrong]


class Halved(WindowDataset):
    """Targets without their scales."""

    def __getitems__(self, indices: Any) -> Any:
        inputs, target = super().__getitems__(indices)
        return inputs, target[..., 0]


class WithoutScales(Series):
    def dataset(self, split: str) -> Any:
        dataset = super().dataset(split)
        dataset.__class__ = Halved
        return dataset


class ForgetsSeason(Series):
    @property
    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in super().facts.items() if name != "season"}


@pytest.mark.parametrize(
    ("name", "check", "problem"),
    [
        ("WithoutScales", "batches", "forecast targets are (4, 4) torch.float32, expected ((4, 4, 2)"),
        ("ForgetsSeason", "plain_facts", "facts lacks season, which forecast needs"),
    ],
)
def test_wrong_forecast_data_are_caught(
    name: str, check: str, problem: str, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("zoo_wrong_series")
    setattr(module, name, globals()[name])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    failed = {one.name: one.message for one in checks(csv, f"{module.__name__}:{name}").report().wrong}
    assert problem in failed[check]
