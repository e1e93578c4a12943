"""Memory against the size of the corpus: `data=pairs` on a synthetic corpus, and on one ten times as large.

    python scripts/bench_corpus_memory.py [--pairs 3000000] [--fewer 300000] [--folder FOLDER] [--subword-sampling 0.1]

For each corpus one process prepares it (trains a SentencePiece model of 8,000 pieces for both sides, tokenises
everything into the store), another tokenises it once more with the pieces known, and a third goes through an epoch of
batches of 4,096 tokens. Prints the time of each, its peak of resident memory, and how far the peaks grow with the
corpus. SentencePiece learns from 500,000 lines at most, which is the peak of preparing: below 250,000 pairs it has
fewer, and that peak says nothing of the rest. Needs Linux, which tells the peak, and 1.5 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MEBI = 1 << 20

# Word types, and their exponent in Zipf's law.
WORDS, EXPONENT = 60_000, 1.1


def write_corpus(folder: Path, pairs: int) -> None:
    """Aligned files of sentences: words by Zipf's law, log-normal lengths, a target about as long as its source."""
    import numpy as np

    rng = np.random.default_rng(0)
    syllables = [first + vowel + last for first in "bdfghjklmnprstvwz" for vowel in "aeiou" for last in ("", "n", "r")]
    shares = np.arange(1, WORDS + 1) ** -EXPONENT
    cumulative = np.cumsum(shares / shares.sum())

    def sentences(words: list[str], lengths: Any) -> Iterator[str]:
        chosen = np.minimum(np.searchsorted(cumulative, rng.random(int(lengths.sum()))), WORDS - 1).tolist()
        ends = np.cumsum(lengths).tolist()
        return (
            " ".join([words[word] for word in chosen[end - n : end]])
            for end, n in zip(ends, lengths.tolist(), strict=True)
        )

    vocabularies = [
        ["".join(word) for word in rng.choice(syllables, (WORDS, 3))],
        ["".join(word) for word in rng.choice(syllables, (WORDS, 3))],
    ]
    with (folder / "source").open("w") as sources, (folder / "target").open("w") as targets:
        for start in range(0, pairs, 20_000):
            count = min(20_000, pairs - start)
            lengths = np.clip(np.exp(rng.normal(2.6, 0.5, count)), 1, 100).astype(np.int64)
            others = np.maximum(1, lengths * rng.uniform(0.8, 1.2, count)).astype(np.int64)
            for file, words, sizes in zip((sources, targets), vocabularies, (lengths, others), strict=True):
                file.write("\n".join(sentences(words, sizes)) + "\n")


def peak() -> int:
    """The most memory that was resident in this process so far, bytes."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10


def measure(folder: Path, epoch: bool, sampling: float) -> dict[str, float]:
    """Prepare the corpus, and go through an epoch if asked for."""
    import sentencepiece  # noqa: F401 - what is imported when it is needed shall count as imported

    import zoo.data.pairs.dataset  # noqa: F401
    from zoo.data.pairs.pairs import PairFiles

    imported = peak()
    data = PairFiles(
        source_path=str(folder / "source"),
        target_path=str(folder / "target"),
        val=1000,
        test=1000,
        vocabulary="joint",
        subword_sampling=sampling,
        batch_unit="tokens",
        batch_size=4096,
        cache=str(folder / "cache"),
    )
    began = time.perf_counter()
    data.setup()
    measured = {"imported": imported, "setup seconds": time.perf_counter() - began, "setup peak": peak()}
    if not epoch:
        return measured
    began = time.perf_counter()
    dataset, batches = data.dataset("train"), data.batches("train", shuffle=True, seed=0, epoch=1)
    measured |= {"plan seconds": time.perf_counter() - began, "batches": len(batches)}
    examples = sum(len(dataset.__getitems__(batch.tolist())[2]) for batch in batches)
    return measured | {"epoch seconds": time.perf_counter() - began, "examples": examples, "epoch peak": peak()}


def run(folder: Path, *arguments: str) -> dict[str, float]:
    """Another process of this script, and what it has measured."""
    done = subprocess.run(
        [sys.executable, __file__, "--within", str(folder), *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def forget_stores(folder: Path) -> None:
    """Remove what was tokenised, and keep what was learned for it."""
    for lines in (folder / "cache").glob("*/line.values"):
        shutil.rmtree(lines.parent)


def report(pairs: int, folder: Path, sampling: float) -> tuple[float, float, float]:
    """Measure one corpus and print it; returns the peaks."""
    folder.mkdir(exist_ok=True)
    run(folder, "--write", str(pairs))
    size = sum((folder / name).stat().st_size for name in ("source", "target")) / MEBI
    first = run(folder, "--subword-sampling", str(sampling))
    forget_stores(folder)
    again = run(folder, "--subword-sampling", str(sampling))
    second = run(folder, "--epoch", "--subword-sampling", str(sampling))
    print(f"{pairs:,} pairs, {size:,.0f} MB of text; {first['imported'] / MEBI:,.0f} MB with everything imported")
    print(f"    prepared in {first['setup seconds']:.1f} s, peak {first['setup peak'] / MEBI:,.0f} MB")
    print(f"    with the pieces known, {again['setup seconds']:.1f} s, peak {again['setup peak'] / MEBI:,.0f} MB")
    print(f"    set up again in {second['setup seconds']:.1f} s, peak {second['setup peak'] / MEBI:,.0f} MB")
    print(
        f"    {second['examples']:,} examples in {second['batches']:,} batches, planned in"
        f" {second['plan seconds']:.1f} s, epoch {second['epoch seconds']:.1f} s, peak"
        f" {second['epoch peak'] / MEBI:,.0f} MB",
        flush=True,
    )
    return first["setup peak"], again["setup peak"], second["epoch peak"]


def main() -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3_000_000)
    parser.add_argument("--fewer", type=int, default=300_000)
    parser.add_argument("--folder", type=Path, help="for the corpora and the stores, which are left there")
    parser.add_argument("--subword-sampling", type=float, default=0.0)
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--epoch", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_corpus(options.within, options.write)
        print("{}")
    elif options.within:
        print(json.dumps(measure(options.within, options.epoch, options.subword_sampling)))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.folder or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            few = report(options.fewer, folder / "fewer", options.subword_sampling)
            many = report(options.pairs, folder / "more", options.subword_sampling)
        for name, small, large in zip(("preparing", "tokenising", "an epoch"), few, many, strict=True):
            print(f"{options.pairs / options.fewer:.0f} times the pairs: {large / small:.2f} times the peak in {name}")


if __name__ == "__main__":
    main()
