"""When checkpoints are written, and what makes resuming exact.

`last.ckpt` is written between two batches, when everything that belongs to the earlier one (validation,
schedule, logs) has happened: one well-defined moment, whether in the middle of an epoch or at its edge.
"""

from __future__ import annotations

import copy
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.io import CheckpointIO
from pytorch_lightning.trainer.states import TrainerFn

from zoo.errors import Interrupted, ZooError
from zoo.harness.batches import HarnessData
from zoo.harness.random_state import random_state, set_random_state
from zoo.runs.checkpoints import read_checkpoint, write_checkpoint
from zoo.runs.folder import RunFolder

T = TypeVar("T")


class SafeCheckpointIO(CheckpointIO):
    """Lightning's reads and writes, atomic and without pickled code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write at once or not at all; `last.ckpt` keeps its predecessor."""
        path = Path(path)
        keep = path.with_name("previous.ckpt") if path.name == "last.ckpt" else None
        write_checkpoint(checkpoint, path, keep=keep)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """Read plain data and tensors."""
        return read_checkpoint(path)

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


class Checkpoints(Callback):
    """Writes `best.ckpt` and `last.ckpt`, and stops cleanly on Ctrl-C and SIGTERM.

    Args:
        folder: the run.
        header: plain data that every checkpoint carries: configuration, components, data state.
        data: is told where in an epoch to go on.
        monitor: the logged value that decides what is best.
        mode: `min` or `max`.
        every_n_seconds: write `last.ckpt` when this much time has passed.
        every_n_steps: write `last.ckpt` when this many optimizer steps have passed.
        keep: how many of the best checkpoints to keep, for their mean.
    """

    def __init__(
        self,
        folder: RunFolder,
        header: dict[str, Any],
        data: HarnessData,
        *,
        monitor: str,
        mode: str,
        every_n_seconds: float | None,
        every_n_steps: int | None,
        keep: int = 1,
    ) -> None:
        self.folder, self.header, self.data = folder, header, data
        self._position = {"epoch": 0, "batch": 0}
        self.monitor, self.mode = monitor, mode
        self.every_n_seconds, self.every_n_steps = every_n_seconds, every_n_steps
        self.keep = keep
        #: Value and step of those that are kept, best first.
        self.kept: list[tuple[float, int]] = []
        self.best: float | None = None
        self.best_step = 0
        #: What validation said of the best checkpoint.
        self.best_values: dict[str, float] = {}
        #: What training itself measured last, for a run that is stopped between training and the end of its test.
        self.train_values: dict[str, float] = {}
        self._written_at, self._written_step = time.monotonic(), 0
        self._resumed: dict[str, Any] | None = None
        self._stop_requested = False
        self._cut_short = False
        self._handlers: dict[int, Any] = {}

    # -- when ------------------------------------------------------------------------------------------------------

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """The moment between two batches."""
        if self._resumed is not None:
            self._go_on(trainer, pl_module)
            return
        if batch_idx % trainer.accumulate_grad_batches or trainer.global_step == 0:
            return
        if self._stop_requested:
            self._write_last(trainer, batch_idx)
            raise Interrupted(f"stopped at step {trainer.global_step}; continue with resume={self.folder.path}")
        if self._due(trainer):
            self._write_last(trainer, batch_idx)

    def _due(self, trainer: Trainer) -> bool:
        steps = trainer.global_step - self._written_step
        by_steps = self.every_n_steps is not None and steps >= self.every_n_steps
        if self.every_n_seconds is None or self.every_n_seconds == 0:
            return by_steps or (self.every_n_seconds == 0 and steps > 0)
        passed = time.monotonic() - self._written_at >= self.every_n_seconds
        if trainer.world_size > 1:
            passed = bool(trainer.strategy.broadcast(passed))
        return by_steps or passed

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the best weights."""
        if trainer.sanity_checking or trainer.state.fn != TrainerFn.FITTING:
            return
        measured: dict[str, float] = pl_module.measured  # type: ignore[assignment]
        value = measured.get(self.monitor)
        if value is not None and self.keep > 1:
            self._keep(trainer, value)
        if value is None or not self._better(value):
            return
        self.best, self.best_step = value, trainer.global_step
        self.best_values = {name: one for name, one in measured.items() if name.startswith("val/")}
        self._write_best(trainer)

    def _keep(self, trainer: Trainer, value: float) -> None:
        """Keep these weights if they are among the best. After a kill, doing it again leaves the same files."""
        if value != value:
            return
        sign = 1 if self.mode == "min" else -1
        others = [one for one in self.kept if one[1] != trainer.global_step]
        ranked = sorted([*others, (value, trainer.global_step)], key=lambda one: (sign * one[0], one[1]))
        self.kept = ranked[: self.keep]
        if (value, trainer.global_step) in self.kept:
            if trainer.is_global_zero:
                self.folder.kept_at(trainer.global_step).parent.mkdir(exist_ok=True)
            self._write_weights(trainer, self.folder.kept_at(trainer.global_step), value)
        if trainer.is_global_zero:
            for path in set(self.folder.kept) - {self.folder.kept_at(step) for _, step in self.kept}:
                path.unlink()

    def take_mean(self, trainer: Trainer, values: dict[str, float]) -> bool:
        """Make the mean of the kept weights the best checkpoint, if validation says that it is.

        Args:
            trainer: of the run.
            values: what validation says of it; its weights are in the module now.
        """
        value = values[self.monitor]
        if not self._better(value):
            return False
        self.best, self.best_values = value, values
        self._write_best(trainer)
        return True

    def rewrite_best(self, trainer: Trainer) -> None:
        """Write the best checkpoint again with what is in the module now: the same weights, calibrated."""
        self._write_best(trainer)

    def _better(self, value: float) -> bool:
        if value != value:
            return False
        return self.best is None or (value < self.best if self.mode == "min" else value > self.best)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An epoch that a limit cuts short is kept as it stands now, so that a longer training goes on within it."""
        done = trainer.fit_loop.epoch_loop.batch_progress.current.completed
        self._cut_short = done < trainer.num_training_batches
        if self._cut_short:
            self._write_last(trainer, done)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last word, from which a longer training can start."""
        if not self._cut_short:
            self._write_last(trainer, 0)
        if self.best is None:
            self.best_step = trainer.global_step
            self._write_best(trainer)
        self._give_signals_back()

    def _write_best(self, trainer: Trainer) -> None:
        """The best weights, and what it takes to use them."""
        self._write_weights(trainer, self.folder.best, self.best)

    def _write_weights(self, trainer: Trainer, path: Path, value: float | None) -> None:
        weights = {
            "epoch": trainer.current_epoch,
            "global_step": trainer.global_step,
            "state_dict": trainer.strategy.lightning_module_state_dict(),
            "zoo": {**self.header, "monitor": self.monitor, "value": value},
        }
        trainer.strategy.save_checkpoint(weights, path)
        trainer.strategy.barrier("best checkpoint")

    def _write_last(self, trainer: Trainer, batches_done: int) -> None:
        """Everything it takes to go on."""
        self._position = {"epoch": trainer.current_epoch, "batch": batches_done}
        measured: dict[str, float] = trainer.lightning_module.measured  # type: ignore[assignment]
        self.train_values |= {name: value for name, value in measured.items() if name.startswith("train/")}
        for logger in trainer.loggers:
            logger.save()
        trainer.save_checkpoint(self.folder.last)
        self._written_at, self._written_step = time.monotonic(), trainer.global_step

    # -- what ------------------------------------------------------------------------------------------------------

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning leaves out, and put its loop counters between two batches."""
        mine = {"random_state": random_state(), "task": pl_module.progress()}  # type: ignore[operator]
        ranks = gathered(mine, trainer.world_size)
        checkpoint["zoo"] = {**self.header, "position": self._position, "ranks": ranks}
        between_batches(checkpoint["loops"], **self._position)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Remember where to go on; it is done just before the next batch."""
        ranks = checkpoint["zoo"]["ranks"]
        if len(ranks) != trainer.world_size:
            raise ZooError(f"the run used {len(ranks)} processes, this one has {trainer.world_size}; use as many")
        self._resumed = ranks[trainer.global_rank]
        self.data.start_at(**checkpoint["zoo"]["position"])

    def _go_on(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert self._resumed is not None
        pl_module.load_progress(self._resumed["task"])  # type: ignore[operator]
        set_random_state(self._resumed["random_state"])
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step
        self._resumed = None
        self._written_at, self._written_step = time.monotonic(), trainer.global_step

    def state_dict(self) -> dict[str, Any]:
        """Lightning stores this in the checkpoint."""
        return {
            "best": self.best,
            "best_step": self.best_step,
            "best_values": dict(self.best_values),
            "train_values": dict(self.train_values),
            "kept": [list(one) for one in self.kept],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.best, self.best_step = state_dict["best"], state_dict["best_step"]
        self.best_values = dict(state_dict["best_values"])
        self.train_values = dict(state_dict["train_values"])
        self.kept = [(float(value), int(step)) for value, step in state_dict["kept"]]

    # -- stopping --------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let Ctrl-C and SIGTERM end the current step first. A second one ends at once.

        With several processes they end at once: nobody may wait for a rank that has left.
        """
        if trainer.world_size > 1 or threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._request_stop)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        if self._stop_requested:
            raise Interrupted(f"stopped at once; continue from the last checkpoint with resume={self.folder.path}")
        self._stop_requested = True

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Whatever ended training."""
        self._give_signals_back()

    def _give_signals_back(self) -> None:
        """To Lightning's handlers, which were there before, and before Lightning gives back its own."""
        while self._handlers:
            number, handler = self._handlers.popitem()
            signal.signal(number, handler)


def gathered(mine: T, world: int) -> list[T]:
    """The same of every rank, on every rank."""
    if world == 1:
        return [mine]
    everybody: list[Any] = [None] * world
    torch.distributed.all_gather_object(everybody, mine)
    return everybody


def between_batches(loops: dict[str, Any], epoch: int, batch: int) -> None:
    """Rewrite the counters of Lightning's fit loop to "`batch` batches of epoch `epoch` are done".

    Lightning has several states in which a checkpoint can be made, and continues some of them inexactly. This
    one it continues exactly: an epoch under way, no batch and no validation pending.
    """
    fit = loops["fit_loop"]
    fit["epoch_progress"] = {
        scope: {"ready": epoch + 1, "started": epoch + 1, "processed": epoch, "completed": epoch}
        for scope in ("total", "current")
    }
    batches = fit["epoch_loop.batch_progress"]
    done = batches["total"]["completed"]
    batches["is_last_batch"] = False
    batches["total"] = dict.fromkeys(batches["total"], done)
    batches["current"] = dict.fromkeys(batches["current"], batch)
    for name, progress in copy.copy(fit).items():
        if name.startswith("epoch_loop.val_loop") and isinstance(progress, dict) and "current" in progress:
            for scope in ("total", "current"):
                completed = progress[scope].get("completed", 0)
                progress[scope] = dict.fromkeys(progress[scope], completed)
