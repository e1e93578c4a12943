"""How long the commands take to answer that need no model: next to Hydra alone, in one run.

    python scripts/bench_startup.py [--runs 7]

Prints the median wall-clock seconds of whole processes, taken in turn, and the ratio to Hydra's own --help.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HYDRA_APP = """
import hydra

@hydra.main(version_base="1.3", config_path=None)
def main(config):
    pass

main()
"""


def seconds(command: list[str], folder: str) -> float:
    """Wall-clock time of one process."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="processes of each command")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "app.py"
        app.write_text(HYDRA_APP, encoding="utf-8")
        commands = {
            "an empty Hydra application, --help": [sys.executable, str(app), "--help"],
            "python -m zoo.train --help": [sys.executable, "-m", "zoo.train", "--help"],
            "zoo plugins list": [sys.executable, "-c", "from zoo.cli import main; main()", "plugins", "list"],
            "tab completion of model=": [
                *(sys.executable, "-c", "from zoo.cli import main; main()"),
                *("completion", "--answer", "zoo train model="),
            ],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(runs + 1):
            for name, command in commands.items():
                taken = seconds(command, folder)
                if turn:  # the first turn warms the file cache
                    times[name].append(taken)
    reference = statistics.median(next(iter(times.values())))
    print(f"{'':36} median s   min s   max s   ratio")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:36} {median:8.3f} {min(taken):7.3f} {max(taken):7.3f} {median / reference:7.2f}")


if __name__ == "__main__":
    main()
