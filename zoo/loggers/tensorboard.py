"""TensorBoard event files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only


class TensorBoardLogger(Logger):
    """Writes `logs/tensorboard/`; look at it with `tensorboard --logdir FOLDER`.

    Resuming marks what was logged behind the checkpoint as void, so TensorBoard shows one curve.

    Args:
        save_dir: the run's log folder, injected.
    """

    def __init__(self, save_dir: str) -> None:
        super().__init__()
        self.folder = Path(save_dir) / "tensorboard"
        self._writer: Any = None
        self._purge_step: int | None = None

    @property
    def name(self) -> str:
        """Lightning asks for one."""
        return "tensorboard"

    @property
    def version(self) -> str:
        """Lightning asks for one."""
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The `SummaryWriter`, opened at first use; `add_figure` and the like are called on it."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), purge_step=self._purge_step)
        return self._writer

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run folder has config.yaml."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add scalars."""
        for name, value in metrics.items():
            self.experiment.add_scalar(name, value, step)

    @rank_zero_only
    def log_image(self, name: str, png: bytes, step: int) -> None:
        """Add a picture, given as the bytes of a PNG file."""
        import io

        import numpy as np
        from PIL import Image

        with Image.open(io.BytesIO(png)) as picture:
            self.experiment.add_image(name, np.asarray(picture.convert("RGB")), step, dataformats="HWC")

    @rank_zero_only
    def save(self) -> None:
        """Write what is not yet on disk."""
        if self._writer is not None:
            self._writer.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Lightning's hook at the end of a stage."""
        self.save()

    @rank_zero_only
    def resume_at(self, step: int) -> None:
        """Void what was logged behind this step."""
        self._purge_step = step + 1
