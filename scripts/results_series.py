"""The figures of docs/results.md on time series.

    python scripts/results_series.py --data FOLDER --seeds 3

FOLDER holds `m4`, with Hourly-train.csv and Hourly-test.csv of the M4 competition. Words after `--` go to every
training. A run that is there already in --output is not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

QUIET = ("report=false", "logger=null", "trainer.enable_progress_bar=false")
MEASURES = ("smape", "mase")


def measured(options: argparse.Namespace, seed: int) -> dict[str, float]:
    """The metrics of one run, trained as a user trains it."""
    place = options.output / "m4_hourly" / f"seed-{seed}"
    if not (place / "metrics.json").exists():
        words = ["experiment=m4_hourly", f"data.path={options.data / 'm4'}", f"seed={seed}", *QUIET, *options.words]
        print(f"+ python -m zoo.train {' '.join(words)}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "zoo.train", *words, f"hydra.run.dir={place}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, float] = json.loads((place / "metrics.json").read_text())
    return found


def row(name: str, runs: list[dict[str, float]], prefix: str = "") -> str:
    """Mean and deviation over runs of every measure, as a line of a table."""
    cells = []
    for measure in MEASURES:
        values = [one[f"test/{prefix}{measure}"] for one in runs]
        spread = f" ({statistics.stdev(values):.3f})" if len(values) > 1 and len(set(values)) > 1 else ""
        cells.append(f"{statistics.mean(values):.3f}{spread}")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Read the command line, train and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ZOO_TEST_DATA", ".")))
    parser.add_argument("--output", type=Path, default=Path("outputs/results"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    options.output, options.data = options.output.resolve(), options.data.resolve()
    runs = []
    for seed in range(options.seeds):
        runs.append(measured(options, seed))
        print(row(f"seed {seed}", runs[-1:]), file=sys.stderr, flush=True)
    print("| | sMAPE | MASE |\n|---|---|---|")
    print(row("`mlp` trained with sMAPE", runs))
    print(row("naive", runs, "naive/"))
    print(row("seasonal naive", runs, "seasonal_naive/"))
    seconds = statistics.median(one["train/seconds"] for one in runs)
    print(f"\n{len(runs)} seeds, mean (deviation); {seconds:.0f} s a run.")


if __name__ == "__main__":
    main()
