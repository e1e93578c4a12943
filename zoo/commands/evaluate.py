"""`python -m zoo.evaluate`: metrics as a table, and as JSON on the last line."""

from __future__ import annotations

import json

from zoo.commands.options import key_values, required


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
    run = required(given, "run", "a run folder")
    split = given.pop("split", None)
    from zoo.harness.evaluation import evaluate
    from zoo.harness.messages import first_process
    from zoo.harness.table import metrics_table

    metrics = evaluate(run, given, None if split is None else str(split))
    if first_process():
        print(metrics_table(metrics))
        print(json.dumps(metrics))
    return 0
