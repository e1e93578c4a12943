"""Memory of a training process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from zoo.commands.console import run_command

#: Page faults of allocating, filling and freeing 16 MiB a hundred times.
FAULTS = """
import resource, sys
import numpy as np
from zoo.commands.memory import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    sys.exit(3)
np.ones(2**21)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    np.ones(2**21)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("malloc is not glibc's here")
    return int(done.stdout)


def test_freed_blocks_are_used_again_instead_of_fetched_anew() -> None:
    assert faults("kept") < faults("as usual") / 4


def test_what_the_user_says_of_onednn_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "7")
    run_command(lambda arguments: 0, [])
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "7"
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY")
    run_command(lambda arguments: 0, [])
    assert 0 < int(os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) < 1024
