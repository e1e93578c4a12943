"""The folder of one run, and the plain files in it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from zoo.errors import RunError


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run. Nothing is read or written until asked for."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration, plain YAML."""
        return self.path / "config.yaml"

    @property
    def record(self) -> Path:
        """Overrides, seed, versions and components: `run.json`."""
        return self.path / "run.json"

    @property
    def metrics(self) -> Path:
        """Final metrics, flat: `{"test/accuracy": 0.98, ...}`."""
        return self.path / "metrics.json"

    @property
    def logs(self) -> Path:
        """TensorBoard and CSV logs."""
        return self.path / "logs"

    @property
    def best(self) -> Path:
        """The checkpoint with the best monitored value."""
        return self.path / "checkpoints" / "best.ckpt"

    @property
    def kept(self) -> list[Path]:
        """The best checkpoints by step, where `checkpoint.keep` is more than one."""
        return sorted(self.best.parent.glob("kept/step-*.ckpt"))

    def kept_at(self, step: int) -> Path:
        """One of them."""
        return self.best.parent / "kept" / f"step-{step:08d}.ckpt"

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def previous(self) -> Path:
        """The one before `last`, for when that is damaged."""
        return self.path / "checkpoints" / "previous.ckpt"

    @classmethod
    def create(cls, path: str | Path, *, numbered: bool = False) -> RunFolder:
        """A new folder for a run.

        Args:
            path: the folder.
            numbered: take `path-1`, `path-2` ... where it exists already.

        Raises:
            RunError: it holds a run already, or cannot be written.
        """
        folder = cls(Path(path).resolve())
        try:
            if numbered:
                folder = cls(_made(folder.path))
            if folder.record.exists() or folder.config.exists():
                remedy = f"continue it with resume={path}, or choose another folder"
                raise RunError(path, "holds a run already", remedy)
            folder.best.parent.mkdir(parents=True, exist_ok=True)
            probe = folder.path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise RunError(
                path, f"cannot be written: {error.strerror}", "choose another with hydra.run.dir="
            ) from error
        return folder

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The folder of an existing run.

        Raises:
            RunError: there is none.
        """
        folder = cls(Path(path).resolve())
        if not folder.config.is_file():
            raise RunError(path, "no run here (it has no config.yaml)", "give the folder that zoo.train printed")
        return folder

    def read_config(self) -> dict[str, Any]:
        """The run's configuration.

        Raises:
            RunError: the file is damaged, or holds anything but plain data.
        """
        try:
            config = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            problem = " ".join(str(error).split())
            raise RunError(self.config, f"not a plain YAML file: {problem}") from error
        if not isinstance(config, dict):
            raise RunError(self.config, "expected keys and values")
        return config

    def write_config(self, config: dict[str, Any]) -> None:
        """Write the resolved configuration."""
        write_text(self.config, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))

    def read_record(self) -> dict[str, Any]:
        """The run's record; empty where there is none.

        Raises:
            RunError: the file is damaged.
        """
        return _read_json(self.record)

    def write_record(self, record: dict[str, Any]) -> None:
        """Write the run's record."""
        write_text(self.record, json.dumps(record, indent=2, ensure_ascii=False) + "\n")

    def read_metrics(self) -> dict[str, float]:
        """The final metrics; empty while the run is unfinished.

        Raises:
            RunError: the file is damaged.
        """
        return _read_json(self.metrics)

    def write_metrics(self, metrics: dict[str, float]) -> None:
        """Write the final metrics."""
        write_text(self.metrics, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")


def new_folder(root: str | Path = "outputs") -> Path:
    """The default folder of a run that starts now: `<root>/<date>/<time>`."""
    now = datetime.now()
    return Path(root) / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}"


def _made(path: Path) -> Path:
    """The first of `path`, `path-1`, `path-2` ... that this process could make, and nobody else has."""
    number = 0
    while True:
        candidate = path.with_name(f"{path.name}-{number}") if number else path
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return candidate


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunError(path, f"cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise RunError(path, "expected an object")
    return content


def write_text(path: Path, text: str) -> None:
    """Write a file at once or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(path, f"cannot be written: {error.strerror}", "free space, or choose another folder") from error
