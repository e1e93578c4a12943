"""The group `trainer`: every option of Lightning's Trainer that is plain data, straight from its signature."""

from __future__ import annotations

from functools import cache

from zoo.registry import Option, options_of

#: Options that belong to another part of a configuration.
ELSEWHERE = {
    "callbacks": "choose callbacks with callback=[...]",
    "logger": "choose loggers with logger=[...]",
    "enable_checkpointing": "checkpoints are set with checkpoint.*",
    "default_root_dir": "set the run folder with hydra.run.dir=FOLDER",
    "use_distributed_sampler": "batches are always sharded over the ranks, each example once",
    "reload_dataloaders_every_n_epochs": "batches are drawn anew every epoch",
    "model_registry": "it would upload checkpoints",
    "plugins": "it takes objects; precision and strategy can be named",
}


@cache
def trainer_options() -> dict[str, Option]:
    """The options of `trainer.*` by name, with Lightning's types and defaults."""
    from pytorch_lightning import Trainer

    return {name: option for name, option in options_of(Trainer).items() if name not in ELSEWHERE}
