"""`zoo translate`: type a line, read its translation and where the model looked."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, TextIO

from zoo.commands.options import key_values, required, runs, taken_flag, taken_group
from zoo.errors import ConfigError, DataError, ZooError
from zoo.registry import did_you_mean


def translate_command(arguments: list[str]) -> int:
    """Read the command line, then one line after the other until the input ends.

    Raises:
        ZooError: whatever the user can mend.
    """
    if "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import TRANSLATE

        print(TRANSLATE, end="")
        return 0
    given = key_values(arguments)
    decode = taken_group(given, "decode")
    run = runs(required(given, "run", "a run folder"))
    average = taken_flag(given, "average")
    draws = taken_flag(given, "alignment", True)
    for key in given:
        known = ("run", "decode", "average", "alignment")
        raise ConfigError(key, f"no such option{did_you_mean(key, known)}", "see --help")
    from zoo.harness.run import load

    model = load(run, average=average)
    if not model.generates:
        raise ConfigError("run", "its model translates nothing", "use zoo predict")
    model.set_decode(decode)
    for line in _lines(sys.stdin):
        try:
            rows = model.predict([line])
        except ZooError as error:
            print(f"error: {error}", file=sys.stderr)
            continue
        for row in rows:
            _show(row, sys.stdout, draws=draws)
    return 0


def _lines(stream: TextIO) -> Iterator[str]:
    """Lines with something on them; at a terminal, after a prompt.

    A line that is not UTF-8 is reported and left out.
    """
    asks = stream.isatty()
    if asks:
        with suppress(ImportError):
            import readline  # noqa: F401 - `input` then has a history, and keys that move
    lines: Iterator[str] = iter(_asked, None) if asks else _decoded(stream)
    for line in lines:
        if line.strip():
            yield line.rstrip("\r\n")


def _asked() -> str | None:
    """A line typed at the prompt; `None` at the end, or after Ctrl-C."""
    try:
        return input("> ")
    except (EOFError, KeyboardInterrupt):
        print()
        return None


def _decoded(stream: TextIO) -> Iterator[str]:
    """The lines of a stream that are UTF-8."""
    for number, line in enumerate(getattr(stream, "buffer", stream), start=1):
        try:
            yield line if isinstance(line, str) else line.decode()
        except UnicodeDecodeError as error:
            bad = f"is not UTF-8 text (byte 0x{error.object[error.start]:02x})"
            print(f"error: {DataError('standard input', line=number, problem=bad)}", file=sys.stderr)


def _show(row: dict[str, Any], stream: TextIO, *, draws: bool) -> None:
    """Every hypothesis with its log-probability, and the alignment of the best."""
    for one in row["hypotheses"]:
        print(f"{one['text']}\t{one['log_probability']:.3f}", file=stream)
    best = row["hypotheses"][0]
    if draws and best["alignment"]:
        from zoo.report.terminal import draw_alignment

        tokens = [*best["tokens"], "</s>"][: len(best["alignment"])]
        width = shutil.get_terminal_size().columns
        print(draw_alignment(best["alignment"], row["source_tokens"], tokens, width=width, stream=stream), file=stream)
    stream.flush()
