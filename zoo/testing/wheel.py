"""The wheel that a source tree makes, built offline with the build backend that is installed here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from urllib.parse import unquote, urlparse

_LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "venv", "outputs", "multirun", "node_modules", "*.ckpt"
)
_SCRIPT = """
import importlib, sys
sys.path[:0] = sys.argv[3:]
module, _, name = sys.argv[1].partition(":")
backend = importlib.import_module(module)
for part in name.split(".") if name else ():
    backend = getattr(backend, part)
backend.build_wheel(sys.argv[2])
"""


class CannotBuild(Exception):  # noqa: N818 - the reason why, which the caller may pass on
    """The build backend is missing, or fails."""


def source_folder(installed: Distribution) -> Path | None:
    """The source tree of an editable installation, or of metadata that lie in one; else `None`."""
    told = json.loads(installed.read_text("direct_url.json") or "{}")
    if told.get("dir_info", {}).get("editable"):
        return Path(unquote(urlparse(told["url"]).path))
    metadata = Path(str(getattr(installed, "_path", "")))
    if metadata.suffix == ".egg-info":
        return next((one for one in list(metadata.parents)[:2] if (one / "pyproject.toml").is_file()), None)
    return None


@cache
def wheel_names(source: Path, version: str) -> frozenset[str]:
    """The files in the wheel of a source tree. The tree is copied first, so that nothing is written into it.

    Raises:
        CannotBuild: the backend is missing here, or fails.
    """
    system = _build_system(source)
    backend = str(system.get("build-backend", "setuptools.build_meta:__legacy__"))
    with tempfile.TemporaryDirectory() as folder:
        copy, wheels = Path(folder, "source"), Path(folder, "wheels")
        shutil.copytree(source, copy, ignore=_LEFT_OUT)
        wheels.mkdir()
        extra_path = [str(copy / str(part)) for part in system.get("backend-path", [])]  # type: ignore[attr-defined]
        command = [sys.executable, "-c", _SCRIPT, backend, str(wheels), *extra_path]
        # The copy has no version history to take a version from.
        environment = {**os.environ, "SETUPTOOLS_SCM_PRETEND_VERSION": version}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        built = sorted(wheels.glob("*.whl"))
        if done.returncode or not built:
            raise CannotBuild((done.stderr.strip().splitlines() or [f"{backend} made no wheel"])[-1])
        with zipfile.ZipFile(built[0]) as archive:
            return frozenset(archive.namelist())


def _build_system(source: Path) -> dict[str, object]:
    project = source / "pyproject.toml"
    table = tomllib.loads(project.read_text(encoding="utf-8")) if project.is_file() else {}
    return dict(table.get("build-system", {}))
