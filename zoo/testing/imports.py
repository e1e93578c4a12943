"""A check of what importing a component does to the process, seen from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import cache

from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, needs

_SCRIPT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import importlib, os, random, numpy, torch
def state():
    return {
        "torch's default dtype": str(torch.get_default_dtype()),
        "torch's default device": str(torch.get_default_device()),
        "torch's random state": torch.get_rng_state().tolist(),
        "NumPy's random state": str(numpy.random.get_state()),
        "Python's random state": random.getstate(),
        "whether gradients are recorded": torch.is_grad_enabled(),
        "the number of torch's threads": torch.get_num_threads(),
        "the working folder": os.getcwd(),
        "the files of the working folder": sorted(os.listdir()),
    }
before, out = state(), os.dup(1)
with open(os.path.join(sys.argv[3], "printed"), "w+") as printed:
    os.dup2(printed.fileno(), 1)
    importlib.import_module(sys.argv[2])
    sys.stdout.flush()
    os.dup2(out, 1)
    printed.seek(0)
    text = printed.read()
after = state()
changed = [name for name in before if before[name] != after[name]]
print(json.dumps(changed + (["standard output: it prints " + repr(text[:60])] if text else [])))
"""


@needs("schema_derivable")
def imports_quietly(subject: Subject) -> None:
    """Importing the module prints nothing, writes nothing and changes no global state."""
    changed = _changed_by(subject.target.partition(":")[0])
    if changed:
        raise Nonconformity(
            f"importing the module changes {', '.join(changed)}", "do it in the constructor, or not at all"
        )


@cache
def _changed_by(module: str) -> tuple[str, ...]:
    """What importing a module changes in a fresh process."""
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory() as printed:
        paths = json.dumps([path for path in sys.path if path])
        command = [sys.executable, "-c", _SCRIPT, paths, module, printed]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Nonconformity(f"a fresh process cannot import {module}: {last}", "import what the module needs in it")
    return tuple(json.loads(done.stdout.strip().splitlines()[-1]))
