"""Lightning's Trainer, set up from a configuration."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers.logger import Logger

from zoo.config.building import build_node
from zoo.errors import ConfigError
from zoo.harness.checkpointing import SafeCheckpointIO
from zoo.harness.progress import Progress

#: What Lightning says about choices the harness has made on purpose.
_KNOWN = (
    ".*does not have many workers.*",
    ".*is smaller than the logging interval.*",
    ".*GPU available but not used.*",
    ".*LeafSpec.*",
    ".*ended before the epoch ended and your dataloader is not resumable.*",
    ".*resuming from a checkpoint that ended before.*",
    ".*It is recommended to use `self.log.*sync_dist=True.*",
    ".*Checkpoint directory.*exists and is not empty.*",
    ".*`isinstance\\(treespec, LeafSpec\\)`.*",
    ".*module\\(s\\) in eval mode at the start of training.*",
    ".*`lr_scheduler.step\\(\\)` before `optimizer.step\\(\\)`.*",
)


def quiet() -> None:
    """Silence Lightning's banners, and warnings about what the harness takes care of."""
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in _KNOWN:
        warnings.filterwarnings("ignore", message)


def spare_gpu_search() -> None:
    """On a machine without a GPU, let torch ask its own runtime for one instead of looking for a driver file.

    torch's optimizers ask at every step, and Lightning makes it the slow way: a fifth of a millisecond each time.
    """
    if not torch.cuda.is_available():
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"


def native_bf16() -> bool:
    """Whether this machine computes bfloat16 natively: a GPU that supports it, or a CPU with AMX or AVX512-BF16."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def precision(wanted: Any) -> Any:
    """`auto` is bf16-mixed where it is native, and 32-true elsewhere; anything else stays."""
    if wanted == "auto":
        return "bf16-mixed" if native_bf16() else "32-true"
    return wanted


def build_trainer(
    options: dict[str, Any], *, folder: Path, loggers: Sequence[Logger] = (), callbacks: Sequence[Callback] = ()
) -> Trainer:
    """The Trainer of one run.

    Args:
        options: the group `trainer`.
        folder: the run folder.
        loggers: where values go.
        callbacks: the harness's own and the user's.

    Raises:
        ConfigError: Lightning refuses the options.
    """
    quiet()
    spare_gpu_search()
    options = {key: value for key, value in options.items() if value is not None}
    options["precision"] = precision(options.get("precision", "32-true"))
    every: list[Callback] = list(callbacks)
    if options.get("enable_progress_bar", True):
        every.append(Progress())
    try:
        return Trainer(
            **options,
            default_root_dir=folder,
            logger=list(loggers) or False,
            callbacks=every,
            plugins=[SafeCheckpointIO()],
            enable_checkpointing=False,
            use_distributed_sampler=False,
        )
    except (MisconfigurationException, ImportError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError("trainer", " ".join(str(error).split())) from error


def check_trainer(options: dict[str, Any], batches_on: Callable[[int], int]) -> None:
    """Build a Trainer for the sake of its complaints, before anything is written.

    Args:
        options: the group `trainer`.
        batches_on: training batches of an epoch on each of so many ranks.

    Raises:
        ConfigError: Lightning refuses the options, or would refuse them once it sees the data.
    """
    trainer = build_trainer(options, folder=Path())
    batches = batches_on(trainer.world_size)
    limit = options.get("limit_train_batches")
    if limit is not None:
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    interval = options.get("val_check_interval")
    if isinstance(interval, int) and options.get("check_val_every_n_epoch") is not None and interval > batches:
        raise ConfigError(
            "trainer.val_check_interval",
            f"{interval} is more than the {batches} batches of an epoch",
            "lower it, or count over epochs with trainer.check_val_every_n_epoch=null",
        )


def build_loggers(config: dict[str, Any], folder: Path) -> list[Logger]:
    """The loggers of a configuration, writing below the run folder."""
    nodes = (config.get("logger") or {}).values()
    return [build_node("logger", node, {"save_dir": str(folder)}) for node in nodes]


def build_callbacks(config: dict[str, Any]) -> list[Callback]:
    """The callbacks of a configuration; those that watch a value watch `checkpoint.monitor`."""
    watched = {"monitor": config["checkpoint"]["monitor"], "mode": config["checkpoint"]["mode"] or "min"}
    return [build_node("callback", node, watched) for node in (config.get("callback") or {}).values()]
