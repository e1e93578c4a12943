"""What `zoo plugins new` writes."""

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import PathDistribution

import pytest

import zoo
from zoo.config.installed import admits
from zoo.errors import ZooError
from zoo.scaffold import KINDS, write_plugin

TRAIN = """
import json, sys, zoo
if __name__ == "__main__":
    choice, folder, *more = sys.argv[1:]
    config = zoo.compose([choice, *more, "trainer.max_epochs=2", "trainer.enable_progress_bar=false"])
    run = zoo.train(config, folder)
    print(json.dumps({"metrics": run.metrics, "node": config[choice.split("=")[0]]}))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_is_complete_and_nothing_is_left_to_fill_in(tmp_path, kind):
    folder = write_plugin("acme-thing", tmp_path, kind=kind)
    assert folder == tmp_path / "acme-thing"
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    module = f"src/acme_thing/{KINDS[kind]}.py"
    assert {"pyproject.toml", "README.md", ".gitignore", "tests/test_conforms.py", module} < set(files)
    assert [name for name in files if name.startswith(f"src/acme_thing/conf/{kind}/acme-thing_")]
    for name, file in files.items():
        text = file.read_text(encoding="utf-8")
        assert not any(sign in text + name for sign in ("$", "{name}", "{package}", ".tmpl")), name
        if name.endswith(".py"):
            compile(text, name, "exec")
    assert os.listdir(tmp_path) == ["acme-thing"]


def test_the_package_requires_this_version_of_the_toolkit_and_not_the_next(tmp_path):
    project = tomllib.loads((write_plugin("acme", tmp_path) / "pyproject.toml").read_text())["project"]
    (requirement,) = [line for line in project["dependencies"] if line.startswith("attention-zoo")]
    major, minor, *_ = zoo.__version__.split(".")
    assert admits(requirement, zoo.__version__)
    assert not admits(requirement, f"{major}.{int(minor) + 1}.0")


NOT_NAMES = ["", "..", "../evil", "a/b", "a\\b", "/tmp/evil", "9lives", "-flag", "trailing-", "sp ace", "ünder", "a.b"]


@pytest.mark.parametrize("name", [*NOT_NAMES, "x" * 65, "class", "match", "a$b", "a\nb"])
def test_names_that_cannot_be_used_are_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(ZooError, match="cannot name a plugin"):
        write_plugin(name, tmp_path / "inside")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mlp", "model=mlp exists already, from attention-zoo"),
        ("MLP", "model=mlp exists already"),
        ("torch", "exists already|installed already|module 'torch'"),
        ("json", "module 'json'"),
        ("zoo", "module 'zoo'"),
        ("attention-zoo", "a distribution 'attention-zoo' is installed"),
        ("tests", "module 'tests'"),
    ],
)
def test_names_that_are_taken_are_refused(tmp_path, name, why):
    with pytest.raises(ZooError, match=why):
        write_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_taken_by_another_kind_is_free(tmp_path):
    assert write_plugin("huber", tmp_path, kind="model").is_dir()
    with pytest.raises(ZooError, match="loss=huber exists already"):
        write_plugin("huber", tmp_path / "other", kind="loss")


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "mine.txt").write_text("keep")
    with pytest.raises(ZooError, match="exists already"):
        write_plugin("acme", tmp_path)
    assert os.listdir(tmp_path / "acme") == ["mine.txt"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match="cannot be written"):
        write_plugin("acme", tmp_path / "file")


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ZooError, match="did you mean 'optimizer'"):
        write_plugin("acme", tmp_path, kind="optimiser")


def run(*command, cwd, site):
    """Run python with the installed plugin in sight."""
    environment = {**os.environ, "PYTHONPATH": str(site), "ZOO_PLUGINS": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def installed(tmp_path):
    """Write a plugin, build its wheel and install that into a folder, without network."""

    def install(name, kind):
        source, site = write_plugin(name, tmp_path, kind=kind), tmp_path / "site"
        offline = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        run("-m", "pip", "wheel", *offline, "--wheel-dir", str(tmp_path / "wheels"), str(source), cwd=tmp_path, site="")
        (wheel,) = (tmp_path / "wheels").glob("*.whl")
        run("-m", "pip", "install", *offline, "--target", str(site), str(wheel), cwd=tmp_path, site="")
        return source, site

    return install


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "preset", "option"),
    [
        ("acme", "model", "acme_small", {"width": 16}),
        ("acme-robust", "loss", "acme-robust_mild", {"q": 0.3}),
        ("acme_sign", "optimizer", "acme_sign_slow", {"lr": 0.0001}),
        ("acme", "attention", "acme_sharp", {"temperature": 0.5}),
    ],
)
def test_the_package_installs_passes_its_tests_and_trains(installed, tmp_path, name, kind, preset, option):
    source, site = installed(name, kind)
    (metadata,) = site.glob("*.dist-info")
    assert any(str(file).endswith(".yaml") for file in PathDistribution(metadata).files or ())
    tested = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=source, site=site)
    assert " passed" in tested
    assert "skipped" not in tested
    listing = run("-c", f"import zoo; print([one.name for one in zoo.components({kind!r})])", cwd=tmp_path, site=site)
    assert repr(name) in listing
    where = ["data=iris"]
    if kind == "attention":
        where = ["data=copy", "data.train=64", "data.val=8", "data.test=8", "model=luong", "model.decoder_size=16"]
    output = run("-c", TRAIN, f"{kind}={preset}", str(tmp_path / "run"), *where, cwd=tmp_path, site=site)
    result = json.loads(output.strip().splitlines()[-1])
    assert result["metrics"]["train/epochs"] == 2
    assert result["node"].items() >= {"name": name, **option}.items()
