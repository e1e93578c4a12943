"""Tab completion for bash, answered from metadata: nothing heavy is imported."""

from __future__ import annotations

from zoo.commands.main import COMMANDS
from zoo.config.groups import PRESETS, SETTINGS, SEVERAL, SINGLE
from zoo.config.installed import registry
from zoo.config.presets import list_presets
from zoo.registry import GROUPS

#: What commands without groups take.
OPTIONS = {
    "evaluate": ("run=", "split=", "data.", "decode.", "mode=", "average="),
    "predict": ("run=", "input=", "output=", "batch_size=", "pictures=", "top=", "decode.", "average="),
    "translate": ("run=", "decode.", "alignment=", "average="),
    "export": ("run=", "format=", "output="),
    "soup": ("run=", "output=", "method="),
}

SCRIPT = """\
_zoo_complete() {
  local line=${COMP_LINE:0:COMP_POINT}
  local word=${line##*[[:space:]]}
  local found
  found=$(zoo completion --answer "$line" 2>/dev/null) || return
  [[ $word == *=* ]] && found=$(sed "s/^[^=]*=//" <<<"$found") && word=${word#*=}
  COMPREPLY=($(compgen -W "$found" -- "$word"))
  [[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace
}
complete -F _zoo_complete zoo
"""


def completion_command(arguments: list[str]) -> int:
    """Print the script, or with `--answer LINE` the completions of a line."""
    if arguments[:1] == ["--answer"]:
        print("\n".join(completions(arguments[1] if len(arguments) > 1 else "")))
    else:
        print(SCRIPT, end="")
    return 0


def completions(line: str) -> list[str]:
    """What may follow a command line typed so far.

    Args:
        line: from the word `zoo` on, up to the cursor.
    """
    words = line.split()
    unfinished = words.pop() if words and not line[-1].isspace() else ""
    if len(words) <= 1:
        found = list(COMMANDS)
    elif words[1] == "plugins":
        found = ["list", "show", "doctor", "new"] if len(words) == 2 else _arguments(words[2:])
    elif words[1] in ("train", "lr"):
        group, equals, _ = unfinished.partition("=")
        found = [f"{group}={name}" for name in _choices(group)] if equals else [f"{one}=" for one in _groups()]
        found += [] if equals else [f"{one}." for one in (*SINGLE, "trainer", "checkpoint")]
        if words[1] == "lr":
            found = [one for one in found if one != "resume="]
            found += [] if equals else ["steps=", "from=", "to=", "phase=", "output="]
    elif words[1] in OPTIONS:
        found = list(OPTIONS[words[1]])
    elif words[1] == "plot":
        found = _plotted(unfinished)
    else:
        found = []
    return sorted(one for one in found if one.startswith(unfinished))


def _plotted(unfinished: str) -> list[str]:
    key, equals, _ = unfinished.partition("=")
    if not equals:
        return ["schedule=", "schedule.", "activation=", "optimizer.lr=", "epochs=", "steps=", "output="]
    return [f"schedule={name}" for name in _choices(key)] if key == "schedule" else []


def _arguments(words: list[str]) -> list[str]:
    if words == ["list"] or words == ["show"]:
        return list(GROUPS)
    return registry().names(words[1]) if len(words) == 2 and words[0] == "show" and words[1] in GROUPS else []


def _groups() -> list[str]:
    return [*SINGLE, *SEVERAL, *PRESETS, *(one for one in SETTINGS if one == "seed"), "resume"]


def _choices(group: str) -> list[str]:
    names = registry().names(group) if group in GROUPS else []
    return sorted({*names, *list_presets(group)})
