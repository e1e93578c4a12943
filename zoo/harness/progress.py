"""How far training is, and when it will be done: a line that renews itself, or plain lines in a log file."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar


class Progress(ProgressBar):
    """Epoch, share done, examples a second, losses, and the time left for the whole run.

    On a terminal one line is renewed ten times a second at most; elsewhere a line is written per epoch, at most
    one in `log_seconds`, and always the last.

    Args:
        stream: where it is written; standard error by default.
        log_seconds: least time between two lines of a log file, in seconds.
    """

    def __init__(self, stream: TextIO | None = None, log_seconds: float = 10.0) -> None:
        super().__init__()
        self._stream = stream or sys.stderr
        self._log_seconds = log_seconds
        self._enabled = True
        self._terminal = self._stream.isatty()
        self._began = self._shown = 0.0
        self._examples = 0
        self._first_step = 0

    def enable(self) -> None:
        """Lightning switches ranks other than 0 off."""
        self._enabled = True

    def disable(self) -> None:
        """Lightning switches ranks other than 0 off."""
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = time.monotonic()
        self._shown = self._began
        self._first_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count, and renew the line when it is time."""
        self._examples += len(batch[1]) if isinstance(batch, tuple | list) and len(batch) > 1 else 1
        now = time.monotonic()
        if now - self._shown >= (0.1 if self._terminal else max(self._log_seconds, 30.0)):
            self._show(trainer, batch_idx + 1, now)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """An epoch's line."""
        now = time.monotonic()
        if self._terminal or now - self._shown >= self._log_seconds:
            self._show(trainer, int(trainer.num_training_batches), now)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last line stays."""
        if trainer.global_step > self._first_step:
            self._show(trainer, int(trainer.num_training_batches), time.monotonic(), last=True)

    def _show(self, trainer: Trainer, batches: int, now: float, *, last: bool = False) -> None:
        if not self._enabled:
            return
        self._shown = now
        line = self.line(trainer, batches, now - self._began)
        if self._terminal:
            self._stream.write(f"\r\x1b[2K{line}" + ("\n" if last else ""))
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def line(self, trainer: Trainer, batches: int, seconds: float) -> str:
        """What is shown after `batches` batches of the current epoch, `seconds` after the start."""
        total = max(1, int(trainer.num_training_batches))
        epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
        epoch = min(trainer.current_epoch + 1, epochs or sys.maxsize)
        parts = [f"epoch {epoch}/{epochs}" if epochs else f"epoch {epoch}", f"{min(100, 100 * batches // total):3d} %"]
        if seconds > 0:
            parts.append(f"{self._examples / seconds:,.0f} examples/s")
        for name in ("train/epoch_loss", "val/loss"):
            value = trainer.callback_metrics.get(name)
            if value is not None:
                parts.append(f"{name.replace('epoch_', '')} {float(value):.4g}")
        left = self._seconds_left(trainer, seconds)
        if left is not None:
            parts.append(f"ETA {clock(left)}")
        return " | ".join(parts)

    def _seconds_left(self, trainer: Trainer, seconds: float) -> float | None:
        planned = trainer.estimated_stepping_batches
        done = trainer.global_step - self._first_step
        if planned == float("inf") or done <= 0:
            return None
        return max(0.0, seconds * (planned - trainer.global_step) / done)


def clock(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
