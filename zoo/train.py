"""Front door: `python -m zoo.train`; see `zoo.commands.train`."""

import sys

from zoo.commands.console import run_command
from zoo.commands.train import train_command

if __name__ == "__main__":
    sys.exit(run_command(train_command))
