"""The figures of docs/results.md on pictures.

    python scripts/results_finetune.py cifar --data FOLDER           # published weights on the test images of CIFAR-10
    python scripts/results_finetune.py hymenoptera --data FOLDER     # ants and bees: the head alone, from there all
    python scripts/results_finetune.py labels                        # what happens to names of classes

FOLDER holds `cifar_resnet`, `cifar10_test` and `hymenoptera`. Ants and bees need the plugin zoo-efficientnet-lite. A
run that is there already in --output is not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

QUIET = ("report=false", "logger=null", "trainer.enable_progress_bar=false")


def run(module: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command as a user gives it."""
    print(f"+ python -m {module} {' '.join(words)}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, check=check, capture_output=True, text=True)


def cifar(options: argparse.Namespace) -> None:
    """He et al. (2015), section 4.2, with published weights."""
    folder = options.output / "cifar10"
    if not folder.exists():
        sheet = options.data / "cifar10_test"
        script = Path(__file__).with_name("cifar_folder.py")
        words = [str(sheet / "test_batch.png"), str(sheet / "test_lables.json"), str(folder)]
        subprocess.run([sys.executable, str(script), *words], check=True)
    print("| | test accuracy % |\n|---|---|")
    for depth in (20, 56):
        (weights,) = (options.data / "cifar_resnet").glob(f"resnet{depth}-*.th")
        words = ["model=cifar_resnet", f"model.depth={depth}", f"model.weights={weights}"]
        done = run("zoo.evaluate", *words, "data=images", f"data.path={folder}", "data.batch_size=250")
        print(f"| ResNet-{depth} | {100 * json.loads(done.stdout.splitlines()[-1])['test/accuracy']:.2f} |", flush=True)


#: Red and green of a class that anything can tell from the others.
SHADES = {"ant": (220, 20), "bee": (20, 220), "cat": (20, 20), "wasp": (220, 220), "10": (220, 20), "2": (20, 220)}

#: Of whole pictures, without a cut.
WHOLE = ["data=images", "data.size={size}", "data.resize={size}", "model=efficientnet_lite0"]
SERIES = {
    "head": ["finetune=head", "trainer.max_epochs=25", "optimizer.lr=0.004"],
    "everything": [
        *("experiment=photos", "finetune.frozen_epochs=0", "trainer.max_epochs=4", "optimizer.lr=0.0001"),
        "data.augment=flip",
    ],
}


def hymenoptera(options: argparse.Namespace) -> None:
    """EfficientNet-Lite0 on 244 photos, validated on 153, five seeds: the head on kept features, and from there all."""
    print("| | size | validation accuracy %, each seed | mean (deviation) | seconds |\n|---|---|---|---|---|")
    for size in options.sizes:
        place = options.output / "hymenoptera" / str(size)
        for name, words in SERIES.items():
            found = []
            for seed in range(options.seeds):
                folder, weights = place / name / f"seed-{seed}", place / "head" / f"seed-{seed}.safetensors"
                if not (folder / "metrics.json").exists():
                    given = [one.format(size=size) for one in WHOLE] + [*words, f"data.path={options.data}/hymenoptera"]
                    given += ["checkpoint.monitor=val/accuracy", f"seed={seed}", *QUIET]
                    given += [] if name == "head" else [f"model.weights={weights}"]
                    run("zoo.train", *given, f"hydra.run.dir={folder}")
                if name == "head" and not weights.exists():
                    words_of_export = ["export", f"run={folder}", "format=safetensors", f"output={weights}"]
                    subprocess.run([Path(sys.executable).with_name("zoo"), *words_of_export], check=True)
                found.append(json.loads((folder / "metrics.json").read_text()))
            rates = [100 * one["val/accuracy"] for one in found]
            each = ", ".join(f"{rate:.1f}" for rate in rates)
            spread = f" ({statistics.stdev(rates):.1f})" if len(rates) > 1 else ""
            spent = statistics.median(one["train/seconds"] for one in found)
            print(f"| {name} | {size} | {each} | {statistics.mean(rates):.2f}{spread} | {spent:.1f} |", flush=True)


def labels(options: argparse.Namespace) -> None:
    """Three folders that other tools misread."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        cases = {
            "val lacks a class": {"train": ("ant", "bee", "cat"), "val": ("ant", "cat")},
            "folders 10 and 2": {"train": ("10", "2"), "val": ("2", "10")},
            "val has an unknown class": {"train": ("ant", "bee"), "val": ("ant", "bee", "wasp")},
        }
        print("| folder | what happens |\n|---|---|")
        for name, splits in cases.items():
            folder = root / name.replace(" ", "-")
            for split, classes in splits.items():
                for one in classes:
                    (folder / split / one).mkdir(parents=True)
                    for number in range(8):
                        Image.new("RGB", (32, 32), (*SHADES[one], 10 * number)).save(
                            folder / split / one / f"{number}.png"
                        )
            words = ["data=images", f"data.path={folder}", "data.size=32", "data.cache=none", "model=cifar_resnet"]
            words += ["model.depth=20", "trainer.max_epochs=40", "optimizer.lr=0.01", "data.augment=none", *QUIET]
            done = run("zoo.train", *words, f"hydra.run.dir={root / 'run'}-{len(list(root.iterdir()))}", check=False)
            lines = [one for one in done.stderr.splitlines() if one.startswith("error")]
            values = [one.split()[1] for one in done.stdout.splitlines() if one.startswith("accuracy")]
            print(f"| {name} | {lines[0] if lines else f'validation accuracy {values[0]}'} |".replace(str(root), "…"))


def main() -> None:
    """Read the command line and measure."""
    series = {one.__name__: one for one in (cifar, hymenoptera, labels)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", choices=series)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ZOO_TEST_DATA", ".")))
    parser.add_argument("--output", type=Path, default=Path("outputs/results"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[320])
    options = parser.parse_args()
    options.output, options.data = options.output.resolve(), options.data.resolve()
    series[options.series](options)


if __name__ == "__main__":
    main()
