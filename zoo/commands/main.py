"""`zoo COMMAND`: the commands of `python -m zoo.*` by their names, and what is installed."""

from __future__ import annotations

from zoo.errors import ZooError
from zoo.registry import did_you_mean
from zoo.version import __version__

USAGE = """\
usage: zoo COMMAND ...

  train       train a model, sweep, or resume a run          (also: python -m zoo.train)
  evaluate    metrics of a finished run                      (also: python -m zoo.evaluate)
  predict     predictions of a finished run                  (also: python -m zoo.predict)
  translate   type a line, read its translation and alignment
  export      a trained model as one file: ONNX, torch.export or safetensors
  soup        the mean of the weights of several runs, as a run
  lr          which learning rate to take: a trial with a growing one
  plot        a schedule's learning rates, or an activation
  plugins     list, show, doctor, new
  completion  a script that completes commands in bash:  eval "$(zoo completion)"
  version     print the version

Each takes --help.
"""

COMMANDS = (
    "train",
    "evaluate",
    "predict",
    "translate",
    "export",
    "soup",
    "lr",
    "plot",
    "plugins",
    "completion",
    "version",
)


def main_command(arguments: list[str]) -> int:
    """Choose the command.

    Raises:
        ZooError: there is no such command, and whatever the command raises.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    command, *rest = arguments
    if command == "train":
        from zoo.commands.train import train_command

        return train_command(rest)
    if command == "evaluate":
        from zoo.commands.evaluate import evaluate_command

        return evaluate_command(rest)
    if command == "predict":
        from zoo.commands.predict import predict_command

        return predict_command(rest)
    if command == "translate":
        from zoo.commands.translate import translate_command

        return translate_command(rest)
    if command == "export":
        from zoo.commands.export import export_command

        return export_command(rest)
    if command == "soup":
        from zoo.commands.soup import soup_command

        return soup_command(rest)
    if command == "lr":
        from zoo.commands.lr import lr_command

        return lr_command(rest)
    if command == "plot":
        from zoo.commands.plot import plot_command

        return plot_command(rest)
    if command == "plugins":
        from zoo.commands.plugins import plugins_command

        return plugins_command(rest)
    if command == "completion":
        from zoo.commands.completion import completion_command

        return completion_command(rest)
    if command in ("version", "--version"):
        print(f"attention-zoo {__version__}")
        return 0
    raise ZooError(f"zoo {command}: no such command{did_you_mean(command, COMMANDS)}; see zoo --help")
