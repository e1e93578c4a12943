"""Images a second of a full fine-tune of resnet18, next to a plain PyTorch loop and transformers' Trainer, in one run.

    python scripts/bench_finetune.py --data FOLDER [--rounds 5] [--updates 30] [--workers 0 2]

FOLDER has a folder of pictures for each class, or `train` with those in it. All sides train the same network from
random weights (speed does not depend on them) with AdamW on random parts of the pictures, mirrored half of the time,
and in turn, each in a process of its own. Ours is the toolkit as a user gets it, once with its defaults and once with
what the machine does best (`--best`: overrides of the command line). The plain loop is ImageFolder, DataLoader, the
transforms of torchvision's examples and the loop that everyone writes; the Trainer has the same data. Both are measured
with each number of loader processes that is given.

Measured is the time from the end of the third update to the end of the last, loading included. With defaults every
round begins with an empty cache of decoded pictures, as the first run on a folder does; with the machine's best it
finds the cache of the round before, as every later run does. A round that does not count comes first. Ratios are
medians over the rounds, to the number of loader processes with which a peer is fastest.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WARM_UP = 3
MEASURED = re.compile(r"([\d.]+) images/s")
RATE = 0.001


class Clock:
    """Images and wall-clock time from the end of the warm-up to the end of the last update."""

    def __init__(self) -> None:
        self.updates = self.images = 0
        self.began = self.ended = 0.0

    def tick(self, images: int) -> None:
        """After an update on so many images."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ended = time.perf_counter()
        self.updates += 1
        if self.updates == WARM_UP:
            self.began = self.ended
        elif self.updates > WARM_UP:
            self.images += images

    def print(self) -> None:
        """What `measured` reads."""
        print(f"{self.images / (self.ended - self.began):.2f} images/s")


def ours(options: argparse.Namespace, extra: list[str]) -> None:
    """Train through the harness: loggers, progress, checkpoints and all."""
    from pytorch_lightning import Callback

    import zoo
    from zoo.commands.memory import tune_memory
    from zoo.harness import lightning, training

    clock, build = Clock(), lightning.build_trainer

    class Timer(Callback):
        """Lets the clock tick after every update."""

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            clock.tick(len(batch[1]))

    def with_clock(*args: Any, callbacks: list[Any], **kwargs: Any) -> Any:
        return build(*args, callbacks=[*callbacks, Timer()], **kwargs)

    overrides = [
        *("data=images", f"data.path={options.data}", f"data.batch_size={options.batch_size}"),
        *(f"data.size={options.size}", "data.augment=standard", "data.scale=[0.35,1]"),
        *("model=resnet", "model.backbone=resnet18", "model.weights=none"),
        *("finetune=full", "finetune.frozen_epochs=0", "optimizer=adamw", f"optimizer.lr={RATE}"),
        *("trainer.max_epochs=-1", f"trainer.max_steps={WARM_UP + options.updates}"),
        *("trainer.limit_val_batches=0", "report=false", *extra),
    ]
    tune_memory()
    training.build_trainer = with_clock
    with tempfile.TemporaryDirectory() as folder:
        zoo.train(zoo.compose(overrides), Path(folder) / "run")
    clock.print()


def pictures(options: argparse.Namespace) -> Any:
    """torchvision's ImageFolder with the transforms of its examples."""
    from torchvision import datasets, transforms

    steps = [
        transforms.RandomResizedCrop(options.size, scale=(0.35, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    folder = options.data / "train"
    return datasets.ImageFolder(folder if folder.is_dir() else options.data, transforms.Compose(steps))


def plain(options: argparse.Namespace) -> None:
    """The loop that everyone writes."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision.models import resnet18

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset, workers = pictures(options), options.workers[0]
    loader = DataLoader(
        dataset,
        batch_size=options.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
    torch.manual_seed(0)
    model = resnet18(weights=None, num_classes=len(dataset.classes)).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    loss_of = nn.CrossEntropyLoss()

    def batches() -> Iterator[Any]:
        while True:
            yield from loader

    clock = Clock()
    for images, targets in batches():
        optimizer.zero_grad()
        loss = loss_of(model(images.to(device)), targets.to(device))
        loss.backward()
        optimizer.step()
        clock.tick(len(targets))
        if clock.updates == WARM_UP + options.updates:
            break
    clock.print()


def trainer(options: argparse.Namespace) -> None:
    """transformers' Trainer."""
    import torch
    from torch import Tensor, nn
    from torch.utils.data import Dataset
    from torchvision.models import resnet18
    from transformers import Trainer, TrainerCallback, TrainingArguments

    clock, dataset, workers = Clock(), pictures(options), options.workers[0]

    class Classifier(nn.Module):
        """With the interface that the Trainer asks for."""

        def __init__(self) -> None:
            super().__init__()
            self.network = resnet18(weights=None, num_classes=len(dataset.classes))
            self.images = 0

        def forward(self, pixel_values: Tensor, labels: Tensor) -> dict[str, Tensor]:
            self.images = len(labels)
            logits = self.network(pixel_values)
            return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    class Named(Dataset[Any]):
        """Pictures and labels by name."""

        def __len__(self) -> int:
            return len(dataset)

        def __getitem__(self, index: int) -> dict[str, Any]:
            image, label = dataset[index]
            return {"pixel_values": image, "labels": label}

    class Timer(TrainerCallback):
        """Lets the clock tick after every update."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            clock.tick(model.images)

    torch.manual_seed(0)
    model = Classifier()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=WARM_UP + options.updates,
            per_device_train_batch_size=options.batch_size,
            learning_rate=RATE,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            use_cpu=not torch.cuda.is_available(),
            dataloader_num_workers=workers,
            dataloader_persistent_workers=workers > 0,
            remove_unused_columns=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        Trainer(model=model, args=arguments, train_dataset=Named(), callbacks=[Timer()]).train()
    clock.print()


def measured(options: argparse.Namespace, side: str, workers: int, cache: Path) -> float:
    """Images a second of one side, in a process of its own."""
    command = [sys.executable, __file__, "--data", str(options.data), "--only", side, "--workers", str(workers)]
    command += ["--updates", str(options.updates), "--batch-size", str(options.batch_size)]
    command += ["--size", str(options.size), "--best", *options.best]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "XDG_CACHE_HOME": str(cache)})
    found = MEASURED.search(done.stdout)
    if done.returncode or found is None:
        sys.exit(f"{shlex.join(command)} printed no figure:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return float(found[1])


def compare(options: argparse.Namespace) -> None:
    """All sides in turn, round by round, and a table."""
    peers = ["plain"]
    if all(importlib.util.find_spec(name) for name in ("transformers", "accelerate")):
        peers.append("trainer")
    else:
        print("transformers and accelerate are not installed: their Trainer is left out")
    sides = [("defaults", 0), ("best", 0), *((peer, workers) for peer in peers for workers in options.workers)]
    figures: dict[tuple[str, int], list[float]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(options.rounds + 1):
            caches = {"defaults": Path(name) / f"round{turn}"}
            for side, workers in sides:
                figure = measured(options, side, workers, caches.get(side, Path(name) / "kept"))
                print(f"round {turn or 'warm-up'}, {label(options, side, workers)}: {figure:.1f} images/s", flush=True)
                if turn:  # the first round warms up
                    figures[side, workers].append(figure)
    print_table(options, figures, peers)


def label(options: argparse.Namespace, side: str, workers: int) -> str:
    """What a row of the table is called."""
    names = {"defaults": "ours, defaults", "best": f"ours, {' '.join(options.best)}"}
    peers = {"plain": "plain PyTorch loop", "trainer": "transformers' Trainer"}
    return names.get(side) or f"{peers[side]}, loader processes: {workers}"


def print_table(options: argparse.Namespace, figures: dict[tuple[str, int], list[float]], peers: list[str]) -> None:
    """Medians, and the medians of the ratios within each round to the fastest row of each peer."""
    fastest = {
        peer: max((column for (side, _), column in figures.items() if side == peer), key=statistics.median)
        for peer in peers
    }
    print(f"\n{os.cpu_count()} cores, batches of {options.batch_size} at {options.size} pixels, ", end="")
    print(f"{options.updates} updates, medians of {options.rounds} rounds\n")
    print("| | images/s | ratio to the plain loop |" + " to the Trainer |" * (len(peers) - 1))
    print("|---|---|" + "---|" * len(peers))
    for (side, workers), column in figures.items():
        ratios = [statistics.median(a / b for a, b in zip(column, fastest[peer], strict=True)) for peer in peers]
        cells = [f"{statistics.median(column):.1f}", *(f"{ratio:.2f}" for ratio in ratios)]
        print(f"| {label(options, side, workers)} | {' | '.join(cells)} |")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, default=224, help="side of the pictures that the network sees")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--updates", type=int, default=30, help="that are measured, in each process")
    parser.add_argument("--rounds", type=int, default=5, help="that count")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loader processes of the peers")
    parser.add_argument("--best", nargs="+", default=["trainer.precision=auto"], help="overrides of our second row")
    parser.add_argument("--only", choices=["defaults", "best", "plain", "trainer"], help="this side, in this process")
    options = parser.parse_args()
    options.data = options.data.resolve()
    if options.only in ("defaults", "best"):
        ours(options, options.best if options.only == "best" else [])
    elif options.only:
        {"plain": plain, "trainer": trainer}[options.only](options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
