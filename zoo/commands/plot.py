"""`zoo plot`: a schedule's learning rates, or an activation, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.commands.options import check_output
from zoo.errors import ConfigError

OWN = ("schedule", "activation", "steps", "epochs", "output")

#: Of a plateau's picture: a run that never gets better.
_NO_PROGRESS = 1.0


def plot_command(arguments: list[str]) -> int:
    """Read the command line, draw, say where.

    Raises:
        ZooError: whatever the user can mend.
    """
    if not arguments or "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import PLOT

        print(PLOT, end="")
        return 0
    for one in arguments:
        if "=" not in one:
            raise ConfigError(one, "is no KEY=VALUE", "see zoo plot --help")
    own = {key: value for key, _, value in (one.partition("=") for one in arguments) if key in OWN}
    rest = [one for one in arguments if one.partition("=")[0] not in OWN]
    output = own.get("output", "activation.png" if "activation" in own else "schedule.png")
    check_output(output, (".png",), "-")
    if "activation" in own:
        if others := [one for one in (*own, *rest) if one not in ("activation", "output")]:
            problem = f"an activation has no {others[0].partition('=')[0]}"
            raise ConfigError(others[0].partition("=")[0], problem, "leave it out")
        picture = _activations(_names(own["activation"]))
    else:
        picture = _schedules(own, rest)
    Path(output).write_bytes(picture)
    print(f"drawn: {output}")
    return 0


def _activations(names: list[str]) -> bytes:
    from zoo.models.activations import ACTIVATIONS
    from zoo.registry import did_you_mean

    for name in names:
        if name not in ACTIVATIONS:
            known = ", ".join(sorted(ACTIVATIONS))
            raise ConfigError("activation", f"no such activation: {name}{did_you_mean(name, ACTIVATIONS)}", known)
    from zoo.report.activations import draw_activations

    return draw_activations(names)


def _schedules(own: dict[str, str], rest: list[str]) -> bytes:
    from zoo.report.rates import draw_rates

    steps, epochs = _count(own, "steps") or 100, _count(own, "epochs")
    names = _names(own["schedule"]) if "schedule" in own else [""]
    rates = {}
    for name in names:
        words = [*rest, *([f"schedule={name}"] if name else [])]
        title, values = _rates(words, steps, epochs)
        rates[title] = values
        high = max(values)
        print(
            f"{title}: {values[0]:.3g} at first, {high:.3g} at the highest (step {values.index(high) + 1:,} of "
            f"{len(values):,}), {values[-1]:.3g} at last"
        )
    return draw_rates(rates, steps)


def _rates(overrides: list[str], steps: int, epochs: int | None) -> tuple[str, list[float]]:
    """The name of the schedule that is composed, and the learning rate of every step."""
    from zoo.config.composition import compose_with_hydra
    from zoo.config.validation import validate_nodes
    from zoo.harness.factories import ScheduleOf
    from zoo.schedules.trace import trace

    config = compose_with_hydra(overrides, check=False)[0]
    validate_nodes(config, ("optimizer", "schedule"))
    node: dict[str, Any] = dict(config.get("schedule") or {"name": "constant"})
    length = _length(config["trainer"], steps, epochs)
    schedule = ScheduleOf(node, "min")
    values = trace(
        lambda optimizer: schedule(optimizer, length, steps),
        length,
        lr=_rate(config["optimizer"]),
        interval=schedule.interval,
        steps_per_epoch=steps,
        watched=[_NO_PROGRESS],
    )
    name = str(node["name"])
    never = name == "plateau" or "plateau" in str(node.get("after", ""))
    return f"{name} (no progress)" if never else name, values


def _length(trainer: dict[str, Any], steps: int, epochs: int | None) -> int:
    """Optimizer steps of the run: what is asked for, or what the trainer's limits leave of it, or ten epochs."""
    limits = [int(trainer.get(key) or -1) * unit for key, unit in (("max_epochs", steps), ("max_steps", 1))]
    return steps * epochs if epochs else min((one for one in limits if one > 0), default=10 * steps)


def _rate(optimizer: dict[str, Any]) -> float:
    """The learning rate of a run: what is set, or the optimizer's default.

    Raises:
        ConfigError: there is neither.
    """
    from zoo.config.installed import registry
    from zoo.registry import options

    default = options(registry().get("optimizer", str(optimizer["name"]))).get("lr")
    rate = optimizer.get("lr", None if default is None or default.required else default.default)
    if rate is None:
        raise ConfigError("optimizer.lr", f"optimizer={optimizer['name']} has none by itself", "give one")
    return float(rate)


def _names(text: str) -> list[str]:
    """`a`, `a,b` or `[a,b]`."""
    names = [one.strip() for one in text.removeprefix("[").removesuffix("]").split(",") if one.strip()]
    if not names:
        raise ConfigError("zoo plot", "nothing to draw", "give schedule=NAME or activation=NAME")
    return names


def _count(own: dict[str, str], key: str) -> int | None:
    """A whole number from 1 on; None where it is not given.

    Raises:
        ConfigError: it is none.
    """
    if key not in own:
        return None
    if not own[key].isdecimal() or int(own[key]) < 1:
        raise ConfigError(key, f"expected a whole number from 1 on, got {own[key]!r}")
    return int(own[key])
