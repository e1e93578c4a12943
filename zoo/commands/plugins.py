"""`zoo plugins`: what is installed, its options, what is wrong, and a new plugin package."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from zoo.commands.doctor import examine
from zoo.config.groups import facts, objects, user_options
from zoo.config.installed import registry
from zoo.config.presets import every_preset
from zoo.errors import ZooError
from zoo.registry import GROUPS, Component, Option, did_you_mean, options, type_text

USAGE = """\
usage: zoo plugins list [KIND] [--json]        every component, with distribution and version
       zoo plugins show KIND NAME              its options, with types and defaults
       zoo plugins doctor                      load everything and name what is wrong
       zoo plugins new NAME [--kind KIND] [--folder FOLDER]
                                               write a package that adds a component

ZOO_PLUGINS=off, ZOO_PLUGINS=-name,... or ZOO_PLUGINS=only:name,... switch plugins off by distribution.
"""


def plugins_command(arguments: list[str]) -> int:
    """Choose the subcommand.

    Raises:
        ZooError: there is no such subcommand, kind or component.
    """
    if not arguments or "--help" in arguments or "-h" in arguments:
        print(USAGE, end="")
        return 0
    command, *rest = arguments
    known = {"list": _list, "show": _show, "doctor": _doctor, "new": _new}
    if command not in known:
        raise ZooError(f"zoo plugins {command}: no such command{did_you_mean(command, known)}; see zoo plugins --help")
    return known[command](rest)


def _list(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    kinds = [argument for argument in arguments if argument != "--json"]
    found = [one for kind in kinds for one in registry().components(kind)] if kinds else registry().components()
    if as_json:
        print(json.dumps([_record(one) for one in found], indent=2))
        return 0
    rows = [
        (one.kind, one.name, one.origin, "" if one.status == "ok" else f"{one.status}: {one.reason}") for one in found
    ]
    rows += [
        (one.name.rpartition("/")[0], one.name.rpartition("/")[2], one.distribution, "preset")
        for one in every_preset()
        if "/" in one.name and (not kinds or one.name.rpartition("/")[0] in kinds)
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for kind, name, origin, note in rows:
        print(f"{kind:<{widths[0]}}  {name:<{widths[1]}}  {origin:<{widths[2]}}  {note}".rstrip())
    return 0


def _record(component: Component) -> dict[str, Any]:
    return {
        "kind": component.kind,
        "name": component.name,
        "target": component.target,
        "distribution": component.distribution,
        "version": component.version,
        "status": component.status,
        "reason": component.reason,
    }


def _show(arguments: list[str]) -> int:
    if len(arguments) != 2:
        raise ZooError(f"zoo plugins show: expected KIND and NAME; kinds: {', '.join(GROUPS)}")
    kind, name = arguments
    component = registry().get(kind, name)
    signature = options(component)
    print(f"{kind} {component.name}: {component.target} ({component.origin})")
    if summary := inspect.getdoc(component.load()):
        print(f"\n{summary.splitlines()[0]}")
    print("\noptions:")
    chosen = user_options(kind, signature)
    rows = [(f"{kind}.{one.name}", _default(kind, one), type_text(one.annotation)) for one in chosen.values()]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    for key, default, type_name in rows:
        print(f"  {key:<{widths[0]}}  {default:<{widths[1]}}  {type_name}".rstrip())
    if not rows:
        print("  none")
    given = sorted(set(signature) & objects(kind))
    if given:
        print(f"\nhanded over by the run: {', '.join(given)}")
    return 0


def _default(kind: str, option: Option) -> str:
    if option.name in facts(kind):
        return "found out by the run"
    return "must be given" if option.required else f"= {option.default!r}"


def _doctor(arguments: list[str]) -> int:
    if arguments:
        raise ZooError(f"zoo plugins doctor: takes nothing, got {' '.join(arguments)}")
    problems = examine()
    for problem in problems:
        print(f"{problem.subject}: {problem.problem}" + (f"\n    {problem.remedy}" if problem.remedy else ""))
    count = len(registry().components())
    print(f"{count} components, {len(problems) or 'no'} problem{'' if len(problems) == 1 else 's'}")
    return 2 if problems else 0


def _new(arguments: list[str]) -> int:
    from zoo.scaffold import write_plugin

    values = {"--kind": "model", "--folder": "."}
    names = []
    words = iter(arguments)
    for word in words:
        if word in values:
            values[word] = next(words, "")
        elif word.startswith("-"):
            raise ZooError(f"zoo plugins new: no such flag {word}{did_you_mean(word, values)}")
        else:
            names.append(word)
    if len(names) != 1:
        raise ZooError("zoo plugins new: expected one NAME, such as zoo-ours")
    written = write_plugin(names[0], Path(values["--folder"]), kind=values["--kind"])
    print(f"written: {written}")
    print(f"next:    pip install -e {written}\n         python -m zoo.train {values['--kind']}={written.name}")
    return 0
