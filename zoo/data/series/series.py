"""`data=series`: forecasts of the next values of many series, or of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import numpy as np
from annotated_types import Ge

from zoo.data.series.dataset import Scaling, WindowDataset
from zoo.data.series.naive import Values, naive, scores, seasonal_naive, seasonal_scale
from zoo.data.series.reading import Found, read_series
from zoo.errors import ConfigError, DataError

Steps = Annotated[int, Ge(1)]


class Series:
    """Series from a CSV file, wide or long (`read_series`), cut into windows that end at many times.

    The last `horizon` values of every series are for validation. The test is a file with the values that follow, as
    competitions have it, or the last `horizon` values, before which validation then lies. Naive and seasonal naive
    forecasts are scored beside every model.

    Args:
        path: the file; or a folder with one file whose name has `train` in it, and perhaps one that has `test`.
        test_path: file with the values that follow those of `path`, of the same series.
        horizon: H, steps to forecast.
        season: m, steps in a season, for the seasonal naive forecast and MASE: 24 of hourly, 12 of monthly values.
        window: W, steps that a model sees; None: seven seasons, or as many as the shortest series has.
        base: the model adds to what stood so many steps before; None: a season; 0: it adds to nothing.
        scaling: windows are divided by the `mean` or the `max` of their absolute values, by their `last` one, or by
            nothing, `none`.
        windows: drawn from every series in an epoch.
        batch_size: windows a batch.
        seed: of the draws; None: 0.
    """

    num_workers = 0
    #: What an evaluation may change.
    changeable = ("path", "test_path", "batch_size")

    def __init__(
        self,
        path: str,
        horizon: Steps,
        season: Steps = 1,
        test_path: str | None = None,
        window: Steps | None = None,
        base: Annotated[int, Ge(0)] | None = None,
        scaling: Scaling = "mean",
        windows: Steps = 10,
        batch_size: Steps = 256,
        seed: int | None = None,
    ) -> None:
        self.path, self.test_path, self.horizon, self.season = path, test_path, horizon, season
        self.window, self.base, self.scaling, self.windows = window, base, scaling, windows
        self.batch_size, self.seed = batch_size, seed or 0
        self.notes: list[str] = []
        self._datasets: dict[str, WindowDataset] = {}
        self._references: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def setup(self) -> None:
        """Read and cut.

        Raises:
            DataError: whatever is wrong with the files.
        """
        if self._datasets:
            return
        path, test_path = self._files()
        found = read_series(path)
        following = None if test_path is None else self._following(read_series(test_path), found)
        known = found.values if following is not None else [one[: -self.horizon] for one in found.values]
        whole = found.values
        if following is not None:
            whole = [np.concatenate(pair) for pair in zip(found.values, following, strict=True)]
        self.notes += found.notes
        self._choose_window(found, self.horizon if following is not None else 2 * self.horizon)
        ends = [len(one) for one in known]
        before = [end - self.horizon for end in ends]
        for split, until in (("val", before), ("test", ends)):
            self._datasets[split] = self._dataset(found.names, whole, until)
            self._score(split, whole, until)
        self._datasets["train"] = self._dataset(found.names, whole, before, drawn=self.windows)
        self._datasets["all"] = self._datasets["test"]
        self._counts = {split: len(self._datasets[split]) for split in ("train", "val", "test")}

    @property
    def facts(self) -> dict[str, Any]:
        """What the series are, as plain data; after `setup` or `load_state_dict`."""
        names = [f"t+{step}" for step in range(1, self.horizon + 1)]
        return {
            "problem": "forecast",
            "in_features": self._window(),
            "target_names": names,
            "target_mean": [0.0] * self.horizon,
            "target_scale": [1.0] * self.horizon,
            "horizon": self.horizon,
            "season": self.season,
            "examples": dict(self._counts),
        }

    def baselines(self) -> dict[str, float]:
        """What forecasts without a model reach: `test/naive/smape` and so on."""
        return dict(self._references)

    def dataset(self, split: str) -> WindowDataset:
        """Windows of "train", "val", "test" or "all", which is the test."""
        self.setup()
        return self._datasets[split]

    def read(self, source: str | Path | TextIO) -> WindowDataset:
        """The ends of the series in a file, to forecast from.

        Raises:
            DataError: a series is shorter than the window.
        """
        found = read_series(source)
        self.notes = list(found.notes)
        self._check_lengths(found, self._window())
        return self._dataset(found.names, found.values, [len(one) for one in found.values], known=False)

    def state_dict(self) -> dict[str, Any]:
        """Everything that prediction needs, in plain containers."""
        return {"window": self._window(), "horizon": self.horizon, "season": self.season, "examples": self._counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the sizes that training had."""
        self.window, self.horizon, self.season = state["window"], state["horizon"], state["season"]
        self._counts, self._datasets, self._references = dict(state["examples"]), {}, {}

    @staticmethod
    def collate(batch: Any) -> Any:
        """The batch as it is."""
        return batch

    def _files(self) -> tuple[Path, Path | None]:
        if not self.path:
            raise DataError("data.path", problem="is not set", remedy="name the file: data.path=FILE")
        path = Path(self.path).expanduser()
        if not path.is_dir():
            return path, None if self.test_path is None else Path(self.test_path).expanduser()
        parts = []
        for part in ("train", "test"):
            files = sorted(one for one in path.iterdir() if part in one.name.lower() and one.is_file())
            if len(files) > 1 or (part == "train" and not files):
                problem = f"has {len(files)} files with {part!r} in their name"
                raise DataError(path, problem=problem, remedy="name the file in data.path")
            parts.append(files[0] if files else None)
        own = None if self.test_path is None else Path(self.test_path).expanduser()
        assert parts[0] is not None
        return parts[0], own or parts[1]

    def _following(self, found: Found, training: Found) -> list[Values]:
        """The values of the test file in the order of the training file."""
        places = {name: place for place, name in enumerate(found.names)}
        chosen = []
        for name in training.names:
            if name not in places:
                raise DataError(found.label, problem=f"has no series {name!r}, which training has")
            values = found.values[places[name]]
            if len(values) != self.horizon:
                problem = f"series {name!r} has {len(values)} values, data.horizon={self.horizon}"
                raise DataError(found.label, line=found.lines[places[name]], problem=problem, remedy="correct either")
            chosen.append(values)
        return chosen

    def _choose_window(self, found: Found, held_out: int) -> None:
        """The window that was asked for, or one that leaves room to train; the last values are held out of training."""
        base = self.season if self.base is None else self.base
        if self.window is None:
            shortest = min(len(one) for one in found.values)
            self.window = max(1, base, min(7 * self.season, shortest - held_out - self.horizon))
        if base > self.window:
            raise ConfigError("data.base", f"{base} steps before are not in a window of {self.window}", "widen it")
        self._check_lengths(found, held_out + max(self.window + self.horizon, self.season + 1))

    def _check_lengths(self, found: Found, needed: int) -> None:
        for name, values, line in zip(found.names, found.values, found.lines, strict=True):
            if len(values) < needed:
                problem = f"series {name!r} has {len(values)} values, and {needed} are needed"
                raise DataError(found.label, line=line, problem=problem, remedy="lower data.window, or leave it out")

    def _window(self) -> int:
        if self.window is None:
            raise RuntimeError("call setup() or load_state_dict() first")
        return self.window

    def _dataset(
        self, names: Sequence[str], series: Sequence[Values], ends: Sequence[int], drawn: int = 0, known: bool = True
    ) -> WindowDataset:
        scales = [1.0] * len(series)
        if known:
            scales = [seasonal_scale(one[:end], self.season) for one, end in zip(series, ends, strict=True)]
        base = self.season if self.base is None else self.base
        return WindowDataset(
            names,
            series,
            ends,
            scales,
            window=self._window(),
            horizon=self.horizon,
            base=base,
            scaling=self.scaling,
            drawn=drawn,
            seed=self.seed,
            known=known,
        )

    def _score(self, split: str, series: Sequence[Values], ends: Sequence[int]) -> None:
        """Keep and say what naive forecasts reach."""
        known = [one[:end] for one, end in zip(series, ends, strict=True)]
        actual = [one[end : end + self.horizon] for one, end in zip(series, ends, strict=True)]
        scales = [seasonal_scale(one, self.season) for one in known]
        forecasts = {
            "naive": [naive(one, self.horizon) for one in known],
            "seasonal_naive": [seasonal_naive(one, self.horizon, self.season) for one in known],
        }
        told = []
        for name, forecast in forecasts.items():
            found = scores(actual, forecast, scales)
            self._references |= {f"{split}/{name}/{measure}": value for measure, value in found.items()}
            told.append(f"{name.replace('_', ' ')} sMAPE {found['smape']:.3f}, MASE {found['mase']:.3f}")
        self.notes.append(f"{split}: {'; '.join(told)}")
