"""The harness against a plain PyTorch loop: the same MLP, batches, optimizer and number of steps, in one run.

    python scripts/bench_harness.py [--width 2048] [--steps 60] [--rounds 5]

Both train in this process, in turn; the harness with its loggers, progress and checkpoints as a user gets them.
Left out of both are evaluation and what happens once a run: starting up, and writing the final checkpoint. Prints
milliseconds a step and the ratio, round by round and as the median.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Callback
from torch import nn

import zoo
from zoo.config.building import build_node
from zoo.harness.assembly import assemble, build_data, preflight
from zoo.harness.batches import Batches, HarnessData, loader_of
from zoo.harness.checkpointing import Checkpoints
from zoo.harness.lightning import build_loggers, build_trainer
from zoo.optimizers.parameter_groups import parameter_groups
from zoo.runs.folder import RunFolder


class StepTimer(Callback):
    """Wall-clock time of training, from the first batch to the end of the last."""

    def __init__(self) -> None:
        self.began = self.seconds = 0.0

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Start the clock at the first batch."""
        self.began = self.began or time.perf_counter()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Read it after every batch: the last reading stays."""
        self.seconds = time.perf_counter() - self.began


def table(folder: Path, rows: int, columns: int) -> Path:
    """A synthetic regression table as CSV."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(rows, columns))
    target = np.sin(inputs[:, 0]) + inputs[:, 1] * inputs[:, 2] + 0.1 * random.normal(size=rows)
    path = folder / "table.csv"
    header = ",".join([*(f"x{column}" for column in range(columns)), "y"])
    np.savetxt(path, np.column_stack([inputs, target]), delimiter=",", header=header, comments="", fmt="%.6g")
    return path


def harness_seconds(config: dict[str, Any], data: Any, folder: Path) -> float:
    """Train through the harness: loggers, progress, checkpoints and all."""
    torch.manual_seed(0)
    run = RunFolder.create(folder)
    task = assemble(config, data.facts)
    batches = HarnessData(data, seed=0)
    header = {"config": config, "facts": dict(data.facts), "data": data.state_dict(), "components": []}
    timer = StepTimer()
    callbacks = [Checkpoints(run, header, batches, **config["checkpoint"]), timer]
    with contextlib.redirect_stderr(io.StringIO()):
        trainer = build_trainer(
            config["trainer"], folder=run.path, loggers=build_loggers(config, run.logs), callbacks=callbacks
        )
        trainer.fit(task, datamodule=batches)
    return timer.seconds


def loop_seconds(config: dict[str, Any], data: Any, steps: int) -> float:
    """Train the same in a loop of ten lines."""
    torch.manual_seed(0)
    facts = data.facts
    model = build_node("model", config["model"], {**facts, "out_features": 1})
    optimizer = build_node("optimizer", config["optimizer"], {"params": parameter_groups(model)})
    mean, scale = torch.tensor(facts["target_mean"]), torch.tensor(facts["target_scale"])
    loss_of = nn.MSELoss()
    dataset = data.dataset("train")
    batches = Batches(len(dataset), data.batch_size, shuffle=True)
    model.train()
    done, epoch, began = 0, 0, 0.0
    while done < steps:
        batches.set_epoch(epoch)
        for inputs, target in loader_of(data, dataset, batches):
            began = began or time.perf_counter()
            optimizer.zero_grad()
            loss = loss_of(model(inputs), (target - mean) / scale)
            loss.backward()
            optimizer.step()
            done += 1
            if done == steps:
                break
        epoch += 1
    return time.perf_counter() - began


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=2048, help="of the hidden layers")
    parser.add_argument("--steps", type=int, default=60, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = table(folder, rows=8192, columns=64)
        overrides = [
            *("data=csv", f"data.path={path}", "data.target=y", "task=regression", "data.batch_size=256"),
            *(f"model.width={arguments.width}", "model.depth=3"),
            *(f"trainer.max_steps={arguments.steps}", "trainer.max_epochs=-1", "trainer.limit_val_batches=0"),
            "trainer.accelerator=cpu",
        ]
        config = zoo.compose(overrides)
        data = build_data(config)
        data.setup()
        config = preflight(config, data)
        ratios = []
        print(f"{torch.get_num_threads()} threads, {arguments.steps} steps a round")
        print("round   harness ms/step   loop ms/step   ratio")
        for turn in range(arguments.rounds + 1):
            ours = harness_seconds(config, data, folder / f"run{turn}") / arguments.steps
            plain = loop_seconds(config, data, arguments.steps) / arguments.steps
            if turn:  # the first round warms up
                ratios.append(ours / plain)
                print(f"{turn:5d} {1000 * ours:17.2f} {1000 * plain:14.2f} {ratios[-1]:7.3f}")
        print(f"median ratio {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
