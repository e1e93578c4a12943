"""The package in plugins/zoo-example, built and installed as a stranger's would be."""

import json
import os
import shutil
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import zoo

SOURCE = Path(__file__).resolve().parents[2] / "plugins" / "zoo-example"
PROJECT = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME, VERSION = PROJECT["name"], PROJECT["version"]
TRAIN = [
    "model=tabular_resnet",
    f"loss={NAME}:focal",
    f"optimizer={NAME}:lion",
    "data=breast_cancer",
    "trainer.max_epochs=2",
]
FOR_TABLES = [("model", "tabular_resnet"), ("loss", "focal"), ("optimizer", "lion")]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="paths of a POSIX venv")]


@dataclass(frozen=True)
class Environment:
    """An interpreter, and folders on its path, that see the toolkit and may see the plugin."""

    python: str
    path: tuple[str, ...] = ()

    def run(self, *words: str, cwd: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments; its exit status must be the one expected."""
        # The toolkit under test comes along by its folder, whether it is installed or a checkout.
        path = os.pathsep.join([*self.path, str(Path(zoo.__file__).resolve().parents[1])])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "ZOO_", "PYTEST_"))}
        done = subprocess.run(
            [self.python, *words],
            cwd=cwd,
            env={**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def pip(self, *words: str, cwd: Path) -> None:
        """Run pip without network and without anybody's settings."""
        self.run("-m", "pip", "--isolated", "--disable-pip-version-check", *words, cwd=cwd)

    def train(self, folder: Path, *overrides: str) -> Path:
        """Train in a working folder of its own; returns the run's folder."""
        folder.mkdir()
        self.run("-m", "zoo.train", *overrides, f"hydra.run.dir={folder / 'run'}", cwd=folder)
        return folder / "run"


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of the package's folder, so that building leaves nothing in the checkout."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "outputs")
    return Path(shutil.copytree(SOURCE, tmp_path_factory.mktemp("source") / NAME, ignore=left_out))


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    Environment(sys.executable).pip(*build, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def with_wheel(wheel, tmp_path_factory) -> Environment:
    """This interpreter with the wheel installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    target = ["--target", str(folder / "site")]
    Environment(sys.executable).pip("install", "--no-index", "--no-deps", *target, str(wheel), cwd=folder)
    return Environment(sys.executable, (str(folder / "site"),))


@pytest.fixture(scope="module")
def editable(source, tmp_path_factory) -> Environment:
    """A virtual environment on top of this one, with an editable installation."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True, with_pip=False)
    python = Environment(str(folder / "bin" / "python"))
    own = python.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
    # addsitedir, unlike a bare path, follows the .pth files of the editable installations there too.
    lines = [f"import site; site.addsitedir({parent!r})" for parent in site.getsitepackages()]
    Path(own, "parent.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    flags = ["--no-index", "--no-deps", "--no-build-isolation"]
    python.pip("install", *flags, "--editable", str(source), cwd=folder)
    return python


@pytest.fixture(scope="module")
def run_of_wheel(with_wheel, tmp_path_factory) -> Path:
    return with_wheel.train(tmp_path_factory.mktemp("wheel_run") / "elsewhere", *TRAIN)


def assert_records_the_plugin(run: Path, used: list[tuple[str, str]], *, editable: bool) -> None:
    components = json.loads((run / "run.json").read_text(encoding="utf-8"))["components"]
    mine = {
        (one["kind"], one["name"]): (one["version"], one["editable"])
        for one in components
        if one["distribution"] == NAME
    }
    assert mine == dict.fromkeys(used, (VERSION, editable))


def test_the_wheel_carries_modules_presets_and_entry_points(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = SOURCE / "src"
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix in (".py", ".yaml", ".typed")]
    expected = {path.relative_to(package).as_posix() for path in files}
    assert expected
    assert expected <= names
    assert f"zoo_example-{VERSION}.dist-info/entry_points.txt" in names
    assert not any(name.startswith("tests") for name in names)


def test_it_trains_from_a_wheel(run_of_wheel):
    assert_records_the_plugin(run_of_wheel, FOR_TABLES, editable=False)
    metrics = json.loads((run_of_wheel / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test/accuracy"] > 0.8  # the larger class is 0.63


def test_it_trains_from_an_editable_installation_with_a_preset_written_after_it(editable, source, tmp_path):
    preset = source / "src" / "zoo_example" / "conf" / "model" / "just_written.yaml"
    preset.write_text("defaults: [/schema/model/tabular_resnet@_here_, _self_]\nwidth: 24\n", encoding="utf-8")
    try:
        run = editable.train(tmp_path / "elsewhere", *TRAIN, "model=just_written", "model.depth=1")
    finally:
        preset.unlink()
    assert_records_the_plugin(run, FOR_TABLES, editable=True)
    assert "width: 24" in (run / "config.yaml").read_text(encoding="utf-8")


def test_its_attention_trains_translates_and_draws_through_the_commands(with_wheel, tmp_path):
    sizes = ["data.train=48", "data.val=8", "data.test=8", "model.embedding_size=8", "model.decoder_size=8"]
    options = ["attention.kernel_width=5", "attention.scope=local_p", "attention.coverage=true"]
    words = ["model=bahdanau", "attention=location_aware", "data=copy", f"data.cache={tmp_path / 'cache'}"]
    run = with_wheel.train(tmp_path / "elsewhere", *words, *options, *sizes, "trainer.max_steps=2")
    assert_records_the_plugin(run, [("attention", "location_aware")], editable=False)
    assert json.loads((run / "metrics.json").read_text(encoding="utf-8"))["train/steps"] == 2

    sources = ["a b c", "d", "e f g h"]
    (tmp_path / "in.txt").write_text("\n".join(sources) + "\n", encoding="utf-8")
    files = [f"input={tmp_path / 'in.txt'}", f"output={tmp_path / 'out.jsonl'}", f"pictures={tmp_path / 'pictures'}"]
    with_wheel.run("-m", "zoo.predict", f"run={run}", *files, "decode.beam=3", "decode.n_best=3", cwd=tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["source"] for row in rows] == sources
    for row in rows:
        assert len(row["hypotheses"]) == 3
        for one in row["hypotheses"]:
            assert len(one["alignment"]) == len(one["token_log_probabilities"])
            assert {len(weights) for weights in one["alignment"]} == {len(row["source"].split()) + 1}
    assert len(list((tmp_path / "pictures").glob("*.png"))) == len(sources)


def test_loading_its_run_without_it_names_what_to_install(run_of_wheel, tmp_path):
    if any(one.distribution == NAME for one in zoo.components()):
        pytest.skip(f"{NAME} is installed in this environment, so it cannot be missing")
    script = "import sys, zoo; zoo.load(sys.argv[1])"
    missing = Environment(sys.executable).run("-c", script, str(run_of_wheel), cwd=tmp_path, status=1)
    error = missing.stderr.strip().splitlines()[-1]
    assert "Error: " in error
    assert f"needs model 'tabular_resnet' of {NAME} {VERSION}" in error
    assert f"pip install '{NAME}=={VERSION}'" in error


def test_its_own_tests_pass(editable, source):
    done = editable.run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=source)
    assert " passed" in done.stdout
