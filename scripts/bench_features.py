"""A frozen backbone, 25 epochs on a folder of photos: with features computed once, and without, in one run.

    python scripts/bench_features.py --data FOLDER [--epochs 25] [--size 224] [--backbone resnet18]

FOLDER has a folder of pictures for each class, or `train` and `val` with those in them. Both sides train the same head
on the same network with random weights (speed does not depend on them), pictures unchanged, in processes of their own;
with features, their extraction is part of the time, as nothing was kept before. Measured is all of `zoo.train`: the
pictures of both are decoded by a run before that does not count.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPENT = re.compile(r"([\d.]+) seconds, val/loss ([\d.e-]+)")


def train(options: argparse.Namespace, cache: bool, epochs: int) -> None:
    """Train the head, and say how long it took."""
    import zoo
    from zoo.commands.memory import tune_memory

    overrides = [
        *("data=images", f"data.path={options.data}", f"data.size={options.size}", "data.augment=none"),
        *("model=resnet", f"model.backbone={options.backbone}", "model.weights=none"),
        *("finetune=head", f"finetune.cache={str(cache).lower()}", f"trainer.max_epochs={epochs}"),
        *("report=false", "logger=null", "trainer.enable_progress_bar=false"),
    ]
    tune_memory()
    config = zoo.compose(overrides)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = zoo.train(config, Path(folder) / "run")
        print(f"{time.perf_counter() - began:.2f} seconds, val/loss {run.metrics['val/loss']:.8g}")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--side", choices=("cached", "through", "decode"))
    options = parser.parse_args()
    if options.side is not None:
        train(options, options.side == "cached", 1 if options.side == "decode" else options.epochs)
        return
    with tempfile.TemporaryDirectory() as cache:
        found = {}
        for side in ("decode", "cached", "through"):
            words = [sys.executable, __file__, "--data", str(options.data.resolve()), "--side", side]
            words += ["--epochs", str(options.epochs), "--size", str(options.size), "--backbone", options.backbone]
            done = subprocess.run(
                words, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "XDG_CACHE_HOME": cache}
            )
            match = SPENT.search(done.stdout)
            assert match is not None, done.stdout
            found[side] = float(match[1]), match[2]
    print(f"{os.cpu_count()} cores, {options.epochs} epochs\n| | seconds | val/loss | ratio |\n|---|---|---|---|")
    for side, name in (("cached", "features computed once"), ("through", "through the frozen backbone")):
        print(f"| {name} | {found[side][0]:.1f} | {found[side][1]} | {found['through'][0] / found[side][0]:.1f} |")


if __name__ == "__main__":
    main()
