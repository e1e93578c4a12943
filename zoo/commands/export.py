"""`zoo export`: a trained model as a file for other programs."""

from __future__ import annotations

from pathlib import Path

from zoo.commands.options import key_values, required
from zoo.errors import ConfigError, RunError
from zoo.registry import did_you_mean


def export_command(arguments: list[str]) -> int:
    """Read the command line and export.

    Raises:
        ZooError: whatever the user can mend.
    """
    if "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import EXPORT

        print(EXPORT, end="")
        return 0
    given = key_values(arguments)
    run = required(given, "run", "a run folder")
    kind = required(given, "format", "onnx, torch_export or safetensors")
    output = Path(required(given, "output", "a file"))
    for key in given:
        raise ConfigError(key, f"no such option{did_you_mean(key, ('run', 'format', 'output'))}", "see --help")
    if output.is_dir() or not output.parent.is_dir():
        raise RunError(output, "is a folder" if output.is_dir() else "its folder does not exist", "name a file")
    from zoo.harness.export import export
    from zoo.harness.messages import say
    from zoo.harness.run import load

    difference = export(load(run), kind, output)  # type: ignore[arg-type]
    size = output.stat().st_size / 1e6
    say(f"{output}: {size:.1f} MB; read back, it differs from the model by {difference:.1e} at most")
    return 0
