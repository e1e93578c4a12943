"""`zoo soup`: one run of several."""

from __future__ import annotations

from zoo.commands.options import key_values, required, runs
from zoo.errors import ConfigError
from zoo.registry import did_you_mean


def soup_command(arguments: list[str]) -> int:
    """Read the command line and average.

    Raises:
        ZooError: whatever the user can mend.
    """
    if "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import SOUP

        print(SOUP, end="")
        return 0
    given = key_values(arguments)
    chosen = runs(required(given, "run", "run folders: run=[RUN,RUN]"))
    output = required(given, "output", "a new folder")
    method = str(given.pop("method", "greedy"))
    for key in given:
        raise ConfigError(key, f"no such option{did_you_mean(key, ('run', 'output', 'method'))}", "see --help")
    from zoo.harness.messages import say
    from zoo.harness.soup import soup
    from zoo.harness.table import metrics_table

    run = soup([chosen] if isinstance(chosen, str) else chosen, output, method)  # type: ignore[arg-type]
    print(metrics_table(run.metrics))
    say(f"run: {output}")
    return 0
