"""Front door: `python -m zoo.evaluate`; see `zoo.commands.evaluate`."""

import sys

from zoo.commands.console import run_command
from zoo.commands.evaluate import evaluate_command

if __name__ == "__main__":
    sys.exit(run_command(evaluate_command))
