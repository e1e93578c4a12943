"""What is shipped: the wheel built from the sdist, an editable install and a plain checkout behave alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import zoo

ROOT = Path(zoo.__file__).resolve().parent.parent
TRAIN = ["-m", "zoo.train", "data=iris", "trainer.max_epochs=1", "trainer.accelerator=cpu"]


def run(arguments: list[str], folder: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A Python process in another folder, with one folder put before everything installed."""
    environment = {**os.environ, "PYTHONPATH": str(path) if path else ""}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An sdist, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    source = tmp_path_factory.mktemp("source") / "attention-zoo"
    left_out = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "outputs", "multirun", "__pycache__")
    shutil.copytree(ROOT, source, ignore=left_out)
    built = run(["-m", "build", "--no-isolation", "--outdir", str(folder), str(source)], folder)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel in it."""
    target = tmp_path_factory.mktemp("installed")
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(built[1])]
    done = run(command, target)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.slow
def test_the_wheel_holds_exactly_the_presets_of_the_repository(built: tuple[Path, Path]) -> None:
    ours = {path.relative_to(ROOT / "conf").as_posix() for path in (ROOT / "conf").rglob("*.yaml")}
    with zipfile.ZipFile(built[1]) as wheel:
        names = [name for name in wheel.namelist() if name.startswith("zoo/conf/") and name.endswith(".yaml")]
        shipped = {name.removeprefix("zoo/conf/"): wheel.read(name) for name in names}
    assert set(shipped) == ours
    assert "train.yaml" in ours
    assert all(content == (ROOT / "conf" / name).read_bytes() for name, content in shipped.items())


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_template_and_no_tests(built: tuple[Path, Path]) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "zoo").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(built[1]) as wheel:
        shipped = set(wheel.namelist())
    assert files <= shipped
    assert not [name for name in shipped if name.startswith(("tests/", "plugins/", "scripts/"))]


@pytest.mark.slow
def test_the_sdist_holds_the_licence_and_the_top_level_conf(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py", "conf/train.yaml"} <= names


@pytest.mark.slow
def test_the_wheel_trains_from_another_folder(installed: Path, tmp_path: Path) -> None:
    where = run(["-c", "import zoo; print(zoo.__file__)"], tmp_path, installed)
    assert Path(where.stdout.strip()).is_relative_to(installed)
    done = run([*TRAIN, "hydra.run.dir=run"], tmp_path, installed)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "run: run"
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.slow
def test_a_plain_checkout_trains_from_another_folder(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for part in ("zoo", "conf"):
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", checkout)
    done = run([*TRAIN, "hydra.run.dir=run"], tmp_path, checkout)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.slow
def test_a_plain_checkout_shows_new_presets_at_once(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for part in ("zoo", "conf"):
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", checkout)
    (checkout / "conf" / "newgroup").mkdir()
    (checkout / "conf" / "experiment" / "quite_new.yaml").write_text("# @package _global_\nseed: 7\n")
    shown = run(["-m", "zoo.train", "--help"], tmp_path, checkout)
    assert "quite_new" in shown.stdout


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert project["dynamic"] == ["version"]
    assert zoo.__version__[0].isdigit()


def test_every_entry_point_of_the_project_leads_somewhere() -> None:
    from zoo.commands.doctor import examine

    assert [problem for problem in examine() if "attention-zoo" in problem.subject] == []


def test_constraints_pin_every_direct_dependency() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {Requirement(line).name.lower().replace("_", "-") for line in wanted}
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert names - pinned == set()
