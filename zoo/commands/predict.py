"""`python -m zoo.predict`: one row out for each row in."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from zoo.commands.options import check_output, key_values, required, runs, taken_batch_size, taken_flag, taken_group
from zoo.errors import ConfigError, RunError
from zoo.registry import did_you_mean

if TYPE_CHECKING:
    from zoo.harness.run import LoadedModel

KEYS = ("run", "input", "output", "batch_size", "pictures", "average", "top")
SUFFIXES = ("", ".csv", ".tsv", ".txt", ".jsonl")


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
    decode = taken_group(given, "decode")
    for key in given.keys() - set(KEYS):
        raise ConfigError(key, f"no such option{did_you_mean(key, (*KEYS, 'decode'))}", "see --help")
    run = runs(required(given, "run", "a run folder"))
    source = required(given, "input", "a file, or - for standard input")
    target = required(given, "output", "a file, or - for standard output")
    batch_size = taken_batch_size(given)
    pictures = given.pop("pictures", None)
    average, top = taken_flag(given, "average"), given.pop("top", 0)
    check_output(target, SUFFIXES, source)
    from zoo.harness.messages import say
    from zoo.harness.run import load

    model = load(run, average=average)
    model.set_decode(decode)
    if top:
        if not hasattr(model.task, "top") or not isinstance(top, int) or top < 1:
            raise ConfigError("top", repr(top), "give the number of classes to name, to a model that classifies")
        model.task.top = top
    if pictures is not None:
        _make_folder(model, Path(str(pictures)))
    details = pictures is not None or Path(target).suffix == ".jsonl"
    dataset = model.read(sys.stdin if source == "-" else Path(source))
    rows = model.predictions(dataset, batch_size=batch_size, details=details)
    for note in getattr(model.data, "notes", []):
        say(f"note: {note}")
    text = getattr(model.task, "text_column", None)
    if target == "-":
        write_rows(rows, sys.stdout, text=text)
    else:
        write_file(rows, Path(target), text)
        say(f"{len(rows):,} predictions in {target}")
    if pictures is not None:
        say(f"{_draw(model, dataset, rows, Path(str(pictures))):,} pictures in {pictures}")
        if model.generates and (note := _lettering_note(rows)):
            say(f"note: {note}")
    return 0


def _lettering_note(rows: Sequence[Mapping[str, Any]]) -> str:
    """What to install where tokens have characters of no installed font."""
    from zoo.report.fonts import lettering

    tokens = {token for row in rows for token in (*row["source_tokens"], *row["hypotheses"][0]["tokens"])}
    return lettering(tokens).note


def write_file(rows: Sequence[Mapping[str, Any]], target: Path, text: str | None = None) -> None:
    """Write a file at once or not at all; through a link, the file it names. Pipes and devices are written to."""
    suffix, target = target.suffix, target.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and not target.is_file():
            with target.open("w", newline="", encoding="utf-8") as stream:
                write_rows(rows, stream, suffix, text=text)
            return
        with temporary.open("w", newline="", encoding="utf-8") as file:
            write_rows(rows, file, suffix, text=text)
        os.replace(temporary, target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise RunError(target, f"cannot be written: {error.strerror}") from error


def write_rows(rows: Sequence[Mapping[str, Any]], file: TextIO, suffix: str = "", *, text: str | None = None) -> None:
    """Write records as CSV, as TSV, as JSON lines, or as lines of text.

    Args:
        rows: records of plain data; a table holds those columns that are single values.
        file: open for writing.
        suffix: of the file's name: `.csv`, `.tsv`, `.jsonl`, `.txt` or none.
        text: the column that alone is written where the suffix asks for no table.
    """
    if suffix == ".jsonl":
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return
    if text is not None and suffix in ("", ".txt"):
        file.writelines(" ".join(str(row[text]).splitlines()) + "\n" for row in rows)
        return
    columns = [key for key, value in rows[0].items() if not isinstance(value, list | dict)] if rows else []
    delimiter = "\t" if suffix == ".tsv" else ","
    writer = csv.DictWriter(file, columns, lineterminator="\n", delimiter=delimiter, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)


def _make_folder(model: LoadedModel, folder: Path) -> None:
    """Make the folder for pictures, before anything is predicted.

    Raises:
        ZooError: no prediction of this model can be drawn, or there is no such folder to be had.
    """
    if not hasattr(model.task, "picture_of") and not model.sees:
        raise ConfigError("pictures", "this model has no attention to draw, and sees no pictures", "leave it out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(folder, f"cannot be written: {error.strerror}") from error


def _draw(model: LoadedModel, dataset: Any, rows: Sequence[Mapping[str, Any]], folder: Path) -> int:
    """Draw what each prediction looks like inside, one PNG a row, by its number from 1 on.

    Raises:
        ZooError: there is nothing to draw for this model, or the folder cannot be written.
    """
    drawn = 0
    if model.sees:
        from zoo.harness.explanation import heat_pictures

        found: Iterable[tuple[str, bytes | None]] = heat_pictures(model, dataset, rows)
    else:
        draw: Callable[[Mapping[str, Any]], bytes | None] = getattr(model.task, "picture_of")  # noqa: B009
        found = ((f"{number:04d}.png", draw(row)) for number, row in enumerate(rows, start=1))
    try:
        for name, picture in found:
            if picture is not None:
                (folder / name).write_bytes(picture)
                drawn += 1
    except OSError as error:
        raise RunError(folder, f"cannot be written: {error.strerror}") from error
    if rows and not drawn:
        raise ConfigError("pictures", "this model has no attention to draw", "leave it out")
    return drawn
