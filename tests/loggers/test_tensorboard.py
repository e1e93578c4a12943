"""TensorBoard's event files, read back by TensorBoard itself."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from zoo.loggers.tensorboard import TensorBoardLogger


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder / "logs" / "tensorboard"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def log(folder: Path, steps: range, value: float, resume_at: int | None = None) -> None:
    logger = TensorBoardLogger(str(folder / "logs"))
    if resume_at is not None:
        logger.resume_at(resume_at)
    for step in steps:
        logger.log_metrics({"val/loss": value}, step=step)
    logger.finalize("success")
    logger.experiment.close()


def test_values_are_written_with_their_step(tmp_path: Path) -> None:
    log(tmp_path, range(1, 4), 0.5)
    assert scalars(tmp_path, "val/loss") == [(1, 0.5), (2, 0.5), (3, 0.5)]


def test_a_resumed_run_shows_one_curve(tmp_path: Path) -> None:
    log(tmp_path, range(1, 6), 0.5)
    log(tmp_path, range(4, 7), 0.25, resume_at=3)
    assert scalars(tmp_path, "val/loss") == [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.25), (5, 0.25), (6, 0.25)]


def test_nothing_is_written_before_there_is_something_to_write(tmp_path: Path) -> None:
    logger = TensorBoardLogger(str(tmp_path / "logs"))
    logger.save()
    logger.finalize("success")
    assert not (tmp_path / "logs").exists()
