"""`python -m zoo.evaluate`: metrics as a table, and as JSON on the last line; or scores of given pairs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from zoo.commands.options import check_output, key_values, required, runs, taken_batch_size, taken_flag, taken_group
from zoo.errors import ConfigError
from zoo.registry import did_you_mean


def evaluate_command(arguments: list[str]) -> int:
    """Read the command line and evaluate.

    Raises:
        ZooError: whatever the user can mend.
    """
    if "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import EVALUATE

        print(EVALUATE, end="")
        return 0
    given = key_values(arguments)
    if "run" not in given and "model" in given:
        return _evaluate_weights(arguments)
    run = runs(required(given, "run", "a run folder"))
    average = taken_flag(given, "average")
    mode = given.pop("mode", "metrics")
    if mode == "score":
        return _score(run, given, average=average)
    if mode != "metrics":
        raise ConfigError("mode", repr(mode), "choose metrics or score")
    split = given.pop("split", None)
    from zoo.harness.evaluation import evaluate
    from zoo.harness.messages import first_process
    from zoo.harness.table import metrics_table

    metrics = evaluate(run, given, None if split is None else str(split), average=average)
    if first_process():
        print(metrics_table(metrics))
        print(json.dumps(metrics))
    return 0


def _evaluate_weights(arguments: list[str]) -> int:
    """Metrics of initial weights, without a run."""
    split = next((one.partition("=")[2] for one in arguments if one.startswith("split=")), "all")
    from zoo.config.composition import compose
    from zoo.harness.evaluation import evaluate_weights
    from zoo.harness.messages import first_process
    from zoo.harness.table import metrics_table

    metrics = evaluate_weights(compose([one for one in arguments if not one.startswith("split=")]), split)
    if first_process():
        print(metrics_table(metrics))
        print(json.dumps(metrics))
    return 0


def _score(run: str | list[str], given: dict[str, Any], *, average: bool) -> int:
    """Scores of pairs, one row a pair, and their sums as JSON on the last line."""
    source = required(given, "input", "a file of pairs, or - for standard input")
    target = str(given.pop("output", "-"))
    decode = taken_group(given, "decode")
    batch_size = taken_batch_size(given)
    known = ("run", "mode", "input", "output", "batch_size", "average", "decode")
    for key in given:
        raise ConfigError(key, f"no such option{did_you_mean(key, known)}", "see --help")
    check_output(target, (".csv", ".tsv", ".jsonl"), source)
    from zoo.commands.predict import write_file, write_rows
    from zoo.harness.messages import say
    from zoo.harness.run import load
    from zoo.harness.scoring import score

    model = load(run, average=average)
    model.set_decode(decode)
    rows = score(model, sys.stdin if source == "-" else Path(source), batch_size=batch_size)
    for note in getattr(model.data, "notes", []):
        say(f"note: {note}")
    if target == "-":
        write_rows(rows, sys.stdout, ".tsv")
    else:
        write_file(rows, Path(target))
    tokens = sum(len(row["token_log_probabilities"]) for row in rows)
    total = sum(row["log_probability"] for row in rows)
    print(json.dumps({"pairs": len(rows), "tokens": tokens, "log_probability": total}))
    return 0
