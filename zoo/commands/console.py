"""Exit statuses: 0 done, 1 our own fault (with a traceback), 2 something the user can mend (one or two lines)."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable

from zoo.commands.memory import tune_memory
from zoo.errors import Interrupted, ZooError


def run_command(command: Callable[[list[str]], int | None], arguments: list[str] | None = None) -> int:
    """Run a command and turn what it raises into an exit status.

    Args:
        command: takes the arguments, returns a status or nothing.
        arguments: of the command line; `--debug` among them shows a traceback for users' errors too.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    tune_memory()
    try:
        return command(arguments) or 0
    except ZooError as error:
        if debug:
            traceback.print_exc()
        else:
            print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted before there was anything to save", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _fault()
        print(f"error: {error.filename or 'disk'}: {error.strerror}; free space, then resume the run", file=sys.stderr)
        return 2
    except Exception:
        return _fault()


def _fault() -> int:
    """Show the traceback of the exception being handled."""
    traceback.print_exc()
    print("this is a fault of the toolkit or of a plugin, not yours; please report the lines above", file=sys.stderr)
    return 1
