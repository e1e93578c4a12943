"""The console script `zoo`."""

from __future__ import annotations

import sys

from zoo.commands.console import run_command
from zoo.commands.main import main_command


def main() -> None:
    """Run `zoo`, and leave with its exit status."""
    sys.exit(run_command(main_command))
