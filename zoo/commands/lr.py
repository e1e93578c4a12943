"""`zoo lr`: which learning rate to take."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import ConfigError, RunError

OWN = ("steps", "from", "to", "output")


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
    steps, low, high = (_number(own, *one) for one in (("steps", 100.0), ("from", 1e-7), ("to", 10.0)))
    output = Path(own["output"]) if "output" in own else None
    if output is not None and output.exists() and not output.is_dir():
        raise RunError(output, "is no folder", "name a folder")
    from zoo.config.composition import compose
    from zoo.harness.lr_finder import draw_trial, find_rate
    from zoo.harness.messages import say

    trial = find_rate(compose(overrides), steps=int(steps), low=low, high=high)
    least = trial.rates[trial.least]
    diverges = "" if trial.diverges is None else f"; it diverges at {trial.diverges:.2g}"
    print(f"optimizer.lr={trial.suggestion:.2g}")
    say(f"the loss falls fastest there, and is least at {least:.2g}{diverges}")
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "lr.png").write_bytes(draw_trial(trial))
        say(f"drawn in {output / 'lr.png'}")
    return 0


def _number(given: dict[str, str], key: str, default: float) -> float:
    try:
        return float(given.get(key, default))
    except ValueError:
        raise ConfigError(key, f"{given[key]!r} is no number") from None
