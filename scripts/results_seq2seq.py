"""The sequence-to-sequence figures of docs/results.md, each trained by the commands a user has.

    python scripts/results_seq2seq.py demo
    python scripts/results_seq2seq.py sigmorphon --data FOLDER          # ten languages, one model each
    python scripts/results_seq2seq.py ensembles  --data FOLDER          # Dutch, Korean and French, five seeds each
    python scripts/results_seq2seq.py multi30k   --data FOLDER
    python scripts/results_seq2seq.py attentions --data FOLDER          # every score in every scope, three seeds

FOLDER holds sigmorphon2021_g2p and multi30k; the environment variable ZOO_TEST_DATA names it too. Runs go to
--output (outputs/results); one that is finished there is not trained again, so an interrupted series goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

MEDIUM = ("arm_e", "bul", "dut", "fre", "geo", "hbs_latn", "hun", "jpn_hira", "kor", "vie_hanoi")
#: Test word error rates of the shared task's official baseline, an ensemble of neural transition models, in percent.
BASELINE = dict(zip(MEDIUM, (7.00, 18.30, 14.70, 8.50, 0.00, 32.10, 1.80, 5.20, 16.30, 2.50), strict=True))
ENSEMBLES = {"dut": 14.70, "kor": 16.30, "fre": 8.50}
SCORES = ("additive", "dot", "scaled_dot", "general", "concat", "location", "multihead", "none")
SCOPES = ("global", "local_m", "local_p")


def train(folder: Path, *overrides: str) -> dict[str, float]:
    """Metrics of one run, trained unless it is finished already."""
    metrics = folder / "metrics.json"
    if not metrics.exists():
        words = [*overrides, f"hydra.run.dir={folder}"]
        if (folder / "checkpoints" / "last.ckpt").exists():
            words = [f"resume={folder}"]
        print(f"+ python -m zoo.train {' '.join(words)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "zoo.train", *words], check=True, stdout=subprocess.DEVNULL)
    found: dict[str, float] = json.loads(metrics.read_text())
    return found


def evaluate(*words: str) -> dict[str, float]:
    """The last line of `zoo.evaluate`."""
    done = subprocess.run([sys.executable, "-m", "zoo.evaluate", *words], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def percent(value: float) -> str:
    """A rate in percent."""
    return f"{100 * value:.2f}"


def demo(options: argparse.Namespace) -> None:
    """English words into sounds, the run without any override."""
    found = train(options.output / "demo" / f"seed-{options.seed}", f"seed={options.seed}")
    print("| WER % | PER % | seconds |\n|---|---|---|")
    print(f"| {percent(found['test/wer'])} | {percent(found['test/per'])} | {found['train/seconds']:.0f} |")


def sigmorphon(options: argparse.Namespace) -> None:
    """One model a language, the same settings for all."""
    rows = []
    for language in options.languages or MEDIUM:
        found = train(options.output / "sigmorphon" / language / "seed-0", *_language(options, language, 0))
        rows.append((language, found["test/wer"], found["test/per"], found["train/seconds"]))
        print(language, percent(found["test/wer"]), f"{found['train/seconds']:.0f} s", file=sys.stderr, flush=True)
    print("| language | test WER % | PER % | baseline WER % | seconds |\n|---|---|---|---|---|")
    for language, wer, per, seconds in rows:
        print(f"| {language} | {percent(wer)} | {percent(per)} | {BASELINE[language]:.2f} | {seconds:.0f} |")
    wer, per, seconds = (statistics.mean(row[column] for row in rows) for column in (1, 2, 3))
    baseline = statistics.mean(BASELINE[language] for language, *_ in rows)
    print(f"| **mean** | **{percent(wer)}** | {percent(per)} | {baseline:.2f} | {seconds:.0f} |")


def ensembles(options: argparse.Namespace) -> None:
    """Five seeds of a language as one ensemble."""
    print("| language | single models, test WER % | ensemble WER % | baseline WER % |\n|---|---|---|---|")
    for language in options.languages or ENSEMBLES:
        folders = [options.output / "sigmorphon" / language / f"seed-{seed}" for seed in range(options.seeds or 5)]
        single = [train(folder, *_language(options, language, seed)) for seed, folder in enumerate(folders)]
        together = evaluate(f"run=[{','.join(map(str, folders))}]")
        alone = ", ".join(percent(found["test/wer"]) for found in single)
        print(f"| {language} | {alone} | {percent(together['test/wer'])} | {BASELINE[language]:.2f} |", flush=True)


def multi30k(options: argparse.Namespace) -> None:
    """German image captions into English."""
    words = ["experiment=multi30k", f"data.path={options.data / 'multi30k'}", f"seed={options.seed}"]
    found = train(options.output / "multi30k" / f"seed-{options.seed}", *words)
    print("| sacreBLEU | chrF | perplexity | minutes |\n|---|---|---|---|")
    print(
        f"| {found['test/bleu']:.2f} | {found['test/chrf']:.2f} | {found['test/perplexity']:.2f} "
        f"| {found['train/seconds'] / 60:.0f} |"
    )


def attentions(options: argparse.Namespace) -> None:
    """Every score in every scope on one small language."""
    language = (options.languages or ["dut"])[0]
    print(f"| test WER % on {language} | {' | '.join(SCOPES)} |\n|---|{'---|' * len(SCOPES)}")
    for score in SCORES:
        cells = []
        for scope in SCOPES:
            if score == "none" and scope != "global":
                cells.append("-")  # has no weights that a window could cut
                continue
            rates = []
            for seed in range(options.seeds or 3):
                folder = options.output / "attentions" / language / score / scope / f"seed-{seed}"
                words = [f"data.path={options.data / 'sigmorphon2021_g2p'}", f"data.language={language}"]
                words += [f"attention={score}", f"seed={seed}"]
                words += [] if score == "none" else [f"attention.scope={scope}", "attention.window=3"]
                rates.append(100 * train(folder, "experiment=attentions", *words)["test/wer"])
            spread = f" ({statistics.stdev(rates):.1f})" if len(rates) > 1 else ""
            cells.append(f"{statistics.mean(rates):.1f}{spread}")
        print(f"| {score} | {' | '.join(cells)} |", flush=True)


def _language(options: argparse.Namespace, language: str, seed: int) -> list[str]:
    path = options.data / "sigmorphon2021_g2p"
    return ["experiment=sigmorphon2021", f"data.path={path}", f"data.language={language}", f"seed={seed}"]


def main() -> None:
    """Read the command line and measure."""
    series = {one.__name__: one for one in (demo, sigmorphon, ensembles, multi30k, attentions)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", choices=series)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ZOO_TEST_DATA", ".")))
    parser.add_argument("--output", type=Path, default=Path("outputs/results"))
    parser.add_argument("--languages", nargs="*")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.output, options.data = options.output.resolve(), options.data.resolve()
    series[options.series](options)


if __name__ == "__main__":
    main()
