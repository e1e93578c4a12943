"""The other processes of a run. They never compose: they read what the first one wrote.

Lightning starts a rank by running the command line once more, which under `-m` would start the whole sweep
again. So the first process names its run folder in the environment, and the others go straight there. Under torchrun,
which starts all of them at once, rank 0 prepares the run and tells the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Folder of the run that this process is a further rank of.
RUN_FOLDER = "ZOO_RUN_FOLDER"
#: Checkpoint that run continues from; empty for a new run.
RUN_CHECKPOINT = "ZOO_RUN_CHECKPOINT"


def joined_run() -> tuple[Path, Path | None] | None:
    """Folder and checkpoint of the run this process was started for, or `None` in a first process."""
    if os.environ.get("LOCAL_RANK", "0") == "0" or RUN_FOLDER not in os.environ:
        return None
    checkpoint = os.environ.get(RUN_CHECKPOINT, "")
    return Path(os.environ[RUN_FOLDER]), Path(checkpoint) if checkpoint else None


def started_together() -> bool:
    """Whether torchrun has started every process of this run itself."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ and RUN_FOLDER not in os.environ


def agreed(folder: Path | None, checkpoint: Path | None = None) -> tuple[Path, Path | None]:
    """The run that rank 0 has prepared, told to every process that was started together with it.

    Args:
        folder: of the run, on rank 0; `None` elsewhere.
        checkpoint: to continue from, on rank 0.
    """
    from torch import distributed

    told: list[str | None] = [str(folder) if folder else None, str(checkpoint) if checkpoint else None]
    if not distributed.is_initialized():
        # One process group for as long as the process lives, and Lightning joins it: a second one would find the
        # addresses of the first in torchrun's store, where nobody listens any more.
        distributed.init_process_group()
    distributed.broadcast_object_list(told, src=0)
    assert told[0] is not None, "rank 0 names a folder"
    return Path(told[0]), Path(told[1]) if told[1] else None


@contextmanager
def announced(folder: Path, checkpoint: Path | None) -> Iterator[None]:
    """Name the run for ranks to come, inside `trainer_of_its_own`."""
    with trainer_of_its_own():
        os.environ[RUN_FOLDER] = str(folder)
        os.environ[RUN_CHECKPOINT] = str(checkpoint or "")
        yield


@contextmanager
def trainer_of_its_own() -> Iterator[None]:
    """A trainer works inside; afterwards the environment is as before, for the next one to start its own ranks.

    Lightning writes the address and the rank of a strategy such as ddp into the environment, on one device too. A
    trainer that finds them there starts no further process, and waits for those that nobody has started.
    """
    before = dict(os.environ)
    try:
        yield
    finally:
        from torch import distributed

        os.environ.clear()
        os.environ.update(before)
        if distributed.is_available() and distributed.is_initialized() and not started_together():
            distributed.destroy_process_group()
