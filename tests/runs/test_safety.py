"""No code runs from a run folder, whatever somebody has put into it."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import zoo
from zoo.commands.console import run_command
from zoo.commands.evaluate import evaluate_command
from zoo.commands.predict import predict_command
from zoo.commands.train import train_command
from zoo.errors import ZooError


def commands(run: Path) -> dict[str, Callable[[], int]]:
    """Every way to use a run folder."""
    (run.parent / "rows.csv").write_text("a,b\n1,2\n")
    given = [f"run={run}", f"input={run.parent / 'rows.csv'}", "output=-"]
    return {
        "evaluate": lambda: run_command(evaluate_command, [f"run={run}"]),
        "predict": lambda: run_command(predict_command, given),
        "resume": lambda: run_command(train_command, [f"resume={run}", "trainer.max_epochs=3"]),
    }


USES = ("evaluate", "predict", "resume")


class Bomb:
    """Runs a shell command when it is unpickled carelessly."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.trace}",)


def as_torch_zip(bomb: Bomb) -> bytes:
    file = io.BytesIO()
    torch.save({"zoo": {}, "state_dict": bomb}, file)
    return file.getvalue()


def as_bare_pickle(bomb: Bomb) -> bytes:
    return pickle.dumps(bomb)


def as_old_torch(bomb: Bomb) -> bytes:
    file = io.BytesIO()
    torch.save({"zoo": {}, "state_dict": bomb}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def as_torchscript(bomb: Bomb) -> bytes:
    """A zip archive that torch takes for a scripted model."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("best/data.pkl", pickle.dumps(bomb))
        archive.writestr("best/constants.pkl", pickle.dumps(bomb))
        archive.writestr("best/version", "3\n")
    return file.getvalue()


FORMS = {make.__name__: make for make in (as_torch_zip, as_bare_pickle, as_old_torch, as_torchscript)}


def damaging(trained: Path, content: bytes) -> None:
    for name in ("best", "last", "previous"):
        (trained / "checkpoints" / f"{name}.ckpt").write_bytes(content)


def assert_refused(status: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Exit status 2 and one line."""
    written = capsys.readouterr()
    assert status == 2
    assert "Traceback" not in written.err
    assert len(written.err.splitlines()) <= 2
    assert written.err.startswith("error: ")
    assert written.out == ""
    return written.err


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_bomb_goes_off_in_a_careless_reader(tmp_path: Path) -> None:
    """Else the tests below would show nothing."""
    (tmp_path / "x.ckpt").write_bytes(as_torch_zip(Bomb(tmp_path / "trace")))
    torch.load(tmp_path / "x.ckpt", weights_only=False)
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("form", FORMS)
def test_a_pickle_bomb_is_refused_in_one_line(
    form: str, use: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace"
    damaging(trained, FORMS[form](Bomb(trace)))
    before = tree(trained)
    message = assert_refused(commands(trained)[use](), capsys)
    assert "ckpt" in message
    assert not trace.exists()
    assert tree(trained) == before


def test_a_pickle_bomb_is_refused_when_loading(trained: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    damaging(trained, as_torch_zip(Bomb(trace)))
    for path in (trained, trained / "checkpoints" / "best.ckpt"):
        with pytest.raises(ZooError, match=r"best\.ckpt: refused: it holds code"):
            zoo.load(path)
    assert not trace.exists()


HYPER_PARAMETERS = {
    "hyper_parameters": {"_instantiator": "os.system", "_class_path": "os.system", "command": "touch"},
    "datamodule_hyper_parameters": {"_class_path": "os.system"},
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("key", HYPER_PARAMETERS)
def test_poisoned_hyper_parameters_are_refused(
    key: str, use: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = torch.load(trained / "checkpoints" / "last.ckpt", weights_only=True)
    file = io.BytesIO()
    torch.save({**checkpoint, key: HYPER_PARAMETERS[key]}, file)
    damaging(trained, file.getvalue())
    assert key in assert_refused(commands(trained)[use](), capsys)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("place", ["model", "data", "metric", "trainer"])
def test_a_target_in_a_run_s_configuration_is_refused(
    place: str, use: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In config.yaml, and in the copy that every checkpoint carries."""
    trace = tmp_path / "trace"
    code = {"_target_": "os.system", "_args_": [f"touch {trace}"]}

    def poison(config: dict[str, Any]) -> None:
        if place == "metric":
            config["metric"]["accuracy"] |= code
        else:
            config[place] |= code

    _change_configuration(trained, poison)
    message = assert_refused(commands(trained)[use](), capsys)
    assert "_target_" in message
    assert not trace.exists()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", ["../../../tmp/evil", "/etc/passwd", "mlp/../../evil", "os:system", "zoo.models.mlp"])
def test_a_path_in_a_component_s_name_is_refused(
    name: str, use: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def poison(config: dict[str, Any]) -> None:
        config["model"]["name"] = name

    _change_configuration(trained, poison)
    assert name in assert_refused(commands(trained)[use](), capsys)


def _change_configuration(trained: Path, poison: Callable[[dict[str, Any]], None]) -> None:
    path = trained / "config.yaml"
    config = yaml.safe_load(path.read_text())
    poison(config)
    path.write_text(yaml.safe_dump(config))
    for name in ("best", "last"):
        path = trained / "checkpoints" / f"{name}.ckpt"
        checkpoint = torch.load(path, weights_only=True)
        poison(checkpoint["zoo"]["config"])
        torch.save(checkpoint, path)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['touch TRACE']", "!!python/name:os.system", "!!python/module:os"]
)
def test_a_yaml_tag_in_a_run_s_configuration_is_refused(
    tag: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace"
    with (trained / "config.yaml").open("a") as file:
        file.write("extra: " + tag.replace("TRACE", str(trace)) + "\n")
    message = assert_refused(commands(trained)["resume"](), capsys)
    assert str(trained / "config.yaml") in message
    assert not trace.exists()


@pytest.mark.parametrize("part", ["config", "components", "facts", "data"])
def test_a_checkpoint_without_a_part_of_its_header_is_refused(
    part: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["zoo"][part]
    torch.save(checkpoint, path)
    assert str(path) in assert_refused(commands(trained)["evaluate"](), capsys)


@pytest.mark.parametrize("content", ["", "[]", "seed: 0", "{", "model: 3\ntrainer: 4\n"])
def test_a_run_with_a_maimed_configuration_is_refused(
    content: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (trained / "config.yaml").write_text(content)
    written = run_command(train_command, [f"resume={trained}", "trainer.max_epochs=3"])
    error = capsys.readouterr().err
    assert written == 2
    assert "Traceback" not in error


@pytest.mark.parametrize("content", ["", "[]", '{"components": 3}', '{"components": [{}]}', "\xff"])
def test_a_run_with_a_maimed_record_is_refused(content: str, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (trained / "run.json").write_text(content)
    assert str(trained) in assert_refused(commands(trained)["resume"](), capsys)
