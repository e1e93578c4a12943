"""`python -m zoo.predict`: one row out for each row in."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from zoo.commands.options import key_values, required
from zoo.errors import ConfigError, RunError
from zoo.registry import did_you_mean


def predict_command(arguments: list[str]) -> int:
    """Read the command line and predict.

    Raises:
        ZooError: whatever the user can mend.
    """
    if "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import PREDICT

        print(PREDICT, end="")
        return 0
    given = key_values(arguments)
    for key in given.keys() - {"run", "input", "output"}:
        raise ConfigError(key, f"no such option{did_you_mean(key, ('run', 'input', 'output'))}", "see --help")
    run = required(given, "run", "a run folder")
    source = required(given, "input", "a file, or - for standard input")
    target = required(given, "output", "a file, or - for standard output")
    if target != "-" and Path(target).suffix not in ("", ".csv", ".tsv", ".txt", ".jsonl"):
        raise ConfigError("output", f"{Path(target).suffix} cannot be written", "choose .csv, .tsv or .jsonl")
    if target != "-" and source != "-" and Path(target).resolve() == Path(source).resolve():
        raise ConfigError("output", "is the input itself", "choose another file")
    from zoo.harness.messages import say
    from zoo.harness.run import load

    model = load(run)
    rows = model.predict(sys.stdin if source == "-" else Path(source))
    for note in getattr(model.data, "notes", []):
        say(f"note: {note}")
    if target == "-":
        write_rows(rows, sys.stdout)
        return 0
    temporary = Path(target).with_name(f".{Path(target).name}.{os.getpid()}")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            write_rows(rows, file, Path(target).suffix)
        os.replace(temporary, target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise RunError(target, f"cannot be written: {error.strerror}") from error
    say(f"{len(rows):,} predictions in {target}")
    return 0


def write_rows(rows: Sequence[Mapping[str, Any]], file: TextIO, suffix: str = ".csv") -> None:
    """Write records as CSV, as TSV, or as JSON lines."""
    if suffix == ".jsonl":
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return
    columns = list(rows[0]) if rows else []
    writer = csv.DictWriter(file, columns, lineterminator="\n", delimiter="\t" if suffix == ".tsv" else ",")
    writer.writeheader()
    writer.writerows(rows)
