"""Front door: `python -m zoo.predict`; see `zoo.commands.predict`."""

import sys

from zoo.commands.console import run_command
from zoo.commands.predict import predict_command

if __name__ == "__main__":
    sys.exit(run_command(predict_command))
