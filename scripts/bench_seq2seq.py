"""Training and decoding throughput on Multi30k en-de, next to any other toolkit's, in one run.

    python scripts/bench_seq2seq.py --data FOLDER [--peer-train COMMAND --peer-decode COMMAND]

FOLDER holds train.en.gz and so on. The model is one that every toolkit has: embeddings of 256, a bidirectional GRU of
256, a GRU decoder of 512 with additive attention and input feeding, dropout 0.3, 8,000 pieces of both languages in one
SentencePiece model, batches of 64 sentences, Adam, label smoothing 0.1, gradients clipped at norm 1. Ours is trained by
the harness as a user gets it, with its defaults and with the machine's best precision; both sides in turn, each in a
process of its own.

A peer's command prints a line with `N target tokens/s` (train), or `N output tokens/s, M sentences/s` (decode).
Training is measured over the updates after the first ten, decoding over the 1,000 test sentences with the model of that
training.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WARM_UP = 10
TRAINED = re.compile(r"([\d.]+) target tokens/s")
DECODED = re.compile(r"([\d.]+) output tokens/s, ([\d.]+) sentences/s")


def overrides(data: Path, updates: int, precision: str) -> list[str]:
    """The model and its training, as on the command line."""
    return [
        *("data=multi30k", f"data.path={data}", "data.source=en", "data.target=de"),
        *("data.vocabulary=joint", "data.vocab_size=8000", "data.batch_unit=sentences", "data.batch_size=64"),
        *("model=seq2seq", "attention=additive", "model.embedding_size=256", "model.encoder_size=256"),
        *("model.decoder_size=512", "model.decoder=luong", "model.input_feeding=true", "model.dropout=0.3"),
        *("loss=cross_entropy", "loss.label_smoothing=0.1", "optimizer=adam", "optimizer.lr=0.001"),
        *("trainer.max_epochs=-1", f"trainer.max_steps={updates}", "trainer.gradient_clip_val=1.0"),
        *("trainer.limit_val_batches=0", f"trainer.precision={precision}", "trainer.log_every_n_steps=10"),
    ]


def train(data: Path, folder: Path, updates: int, precision: str) -> None:
    """Train through the harness, and print target tokens a second over the updates after the first ten."""
    from pytorch_lightning import Callback

    import zoo
    from zoo.commands.memory import tune_memory
    from zoo.harness import lightning, training

    class Clock(Callback):
        """Wall-clock time and target tokens from the end of one update to the end of the last."""

        began = ended = 0.0
        tokens = 0

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            """After every update."""
            self.ended = time.perf_counter()
            if trainer.global_step > WARM_UP:
                self.tokens += int((batch[1] != 0).sum())
            elif trainer.global_step == WARM_UP:
                self.began = self.ended

    clock, build = Clock(), lightning.build_trainer

    def with_clock(*args: Any, callbacks: list[Any], **kwargs: Any) -> Any:
        return build(*args, callbacks=[*callbacks, clock], **kwargs)

    tune_memory()
    training.build_trainer = with_clock
    zoo.train(zoo.compose([*overrides(data, updates, precision), "report=false"]), folder)
    print(f"{clock.tokens / (clock.ended - clock.began):.0f} target tokens/s")


def decode(data: Path, folder: Path, beam: int) -> None:
    """Beam search over the test sentences, and print output tokens and sentences a second."""
    import gzip

    import zoo
    from zoo.commands.memory import tune_memory

    tune_memory()
    model = zoo.load(folder)
    model.set_decode({"beam": beam, "length_penalty": 1.0, "max_length": 60})
    with gzip.open(data / "test_2016_flickr.en.gz", "rt", encoding="utf-8") as file:
        sentences = [line.rstrip("\n") for line in file]
    model.predict(sentences[:8])
    began = time.perf_counter()
    found = model.predict(sentences, batch_size=64, details=False)
    seconds = time.perf_counter() - began
    tokens = sum(len(model.data.encode_target(one["prediction"])) + 1 for one in found)
    print(f"{tokens / seconds:.0f} output tokens/s, {len(found) / seconds:.1f} sentences/s")


def measured(command: list[str], pattern: re.Pattern[str]) -> list[float]:
    """The figures that a process prints."""
    done = subprocess.run(command, capture_output=True, text=True)
    found = pattern.search(done.stdout)
    if done.returncode or found is None:
        sys.exit(f"{shlex.join(command)} printed no figure:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return [float(figure) for figure in found.groups()]


def compare(options: argparse.Namespace) -> None:
    """All sides in turn, round by round, and a table."""
    peers = {"train": options.peer_train, "decode": options.peer_decode}
    figures: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(options.rounds):
            for precision in options.precisions:
                folder = Path(name) / f"{precision}-{turn}"
                own = [sys.executable, __file__, "--data", str(options.data), "--folder", str(folder)]
                own += ["--updates", str(options.updates), "--beam", str(options.beam), "--precisions", precision]
                figures.setdefault(f"train, {precision}", []).append(measured([*own, "--only", "train"], TRAINED))
                figures.setdefault(f"decode, {precision}", []).append(measured([*own, "--only", "decode"], DECODED))
            for what, command in peers.items():
                if command:
                    pattern = TRAINED if what == "train" else DECODED
                    figures.setdefault(f"{what}, peer", []).append(measured(shlex.split(command), pattern))
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in figures.items()
    }
    print(f"{os.cpu_count()} cores, {options.updates} updates, beam {options.beam}, medians of {options.rounds}")
    print("| | tokens/s | sentences/s | ratio to the peer |\n|---|---|---|---|")
    for name, row in medians.items():
        peer = medians.get(f"{name.split(',')[0]}, peer")
        ratio = "" if peer is None else " and ".join(f"{a / b:.2f}" for a, b in zip(row, peer, strict=True))
        print(f"| {name} | {row[0]:,.0f} | {f'{row[1]:.1f}' if len(row) > 1 else ''} | {ratio} |")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--precisions", nargs="+", default=["32-true", "auto"])
    parser.add_argument("--peer-train", help="command of another toolkit")
    parser.add_argument("--peer-decode", help="command of another toolkit")
    parser.add_argument("--only", choices=["train", "decode"], help="this part alone, in this process")
    parser.add_argument("--folder", type=Path, help="of the run that --only trains or reads")
    options = parser.parse_args()
    options.data = options.data.resolve()
    if options.only == "train":
        train(options.data, options.folder, options.updates, options.precisions[0])
    elif options.only == "decode":
        decode(options.data, options.folder, options.beam)
    else:
        compare(options)


if __name__ == "__main__":
    main()
