"""What the harness says while it works: plain lines on standard error, from the first process only."""

from __future__ import annotations

import os
import sys


def first_process() -> bool:
    """Whether this process speaks for the run."""
    return os.environ.get("LOCAL_RANK", "0") == "0" and os.environ.get("RANK", "0") == "0"


def say(line: str) -> None:
    """One line for the user; silent in further ranks."""
    if first_process():
        print(line, file=sys.stderr, flush=True)
