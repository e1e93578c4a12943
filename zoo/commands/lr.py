"""`zoo lr`: which learning rate to take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from zoo.errors import ConfigError, RunError

Number = TypeVar("Number", int, float)

OWN = ("steps", "from", "to", "output", "phase")


def lr_command(arguments: list[str]) -> int:
    """Read the command line, run the trial, say what came of it.

    Raises:
        ZooError: whatever the user can mend.
    """
    if "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import LR

        print(LR, end="")
        return 0
    own = {key: value for key, equals, value in (one.partition("=") for one in arguments) if equals and key in OWN}
    overrides = [one for one in arguments if one.partition("=")[0] not in OWN]
    low, high = (_number(own, key, default, float) for key, default in (("from", 1e-7), ("to", 10.0)))
    steps, phase = (_number(own, key, default, int) for key, default in (("steps", 100), ("phase", 1)))
    output = _folder(own["output"]) if "output" in own else None
    from zoo.config.composition import compose
    from zoo.harness.lr_finder import draw_trial, find_rate
    from zoo.harness.messages import say

    trial = find_rate(compose(overrides), steps=steps, low=low, high=high, phase=phase)
    least = trial.rates[trial.least]
    diverges = "" if trial.diverges is None else f"; it diverges at {trial.diverges:.2g}"
    print(f"{'lr: ' if trial.own else 'optimizer.lr='}{trial.suggestion:.2g}")
    if trial.phase:
        say(f"tried in {trial.phase}; phase=N chooses another")
    say(f"the loss falls fastest there, and is least at {least:.2g}{diverges}")
    if output is not None:
        (output / "lr.png").write_bytes(draw_trial(trial))
        say(f"drawn in {output / 'lr.png'}")
    return 0


def _folder(name: str) -> Path:
    """A folder that can be written, before there is anything to write.

    Raises:
        RunError: it cannot.
    """
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunError(folder, f"cannot be written: {error.strerror}", "name another folder") from error
    return folder


def _number(given: dict[str, str], key: str, default: Number, read: Callable[[str], Number]) -> Number:
    try:
        return read(given[key]) if key in given else default
    except ValueError:
        raise ConfigError(key, f"{given[key]!r} is no {'whole ' if read is int else ''}number") from None
