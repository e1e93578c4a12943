"""Files made on the spot, and the folder of real data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write text, lines or bytes to a file and give its path."""

    def write_file(content: str | bytes | list[str], name: str = "data.csv") -> str:
        path = tmp_path / name
        if isinstance(content, list):
            content = "\n".join(content) + "\n"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_file


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets."""
    folder = os.environ.get("ZOO_TEST_DATA")
    if not folder:
        pytest.skip("ZOO_TEST_DATA is not set: it names the folder of real data sets")
    return Path(folder)
