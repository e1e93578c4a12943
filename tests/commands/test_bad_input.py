"""What a user can get wrong: one or two lines on standard error, exit status 2, nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOOD = [
    f"{number},{colour},{number % 3 - 0.5},{'yes' if number % 2 else 'no'}"
    for number, colour in ((number, "red" if number % 3 else "blue") for number in range(40))
]


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    """A CSV file of 40 rows, changed as told; what its columns hold: number, text, target value, target class."""

    def write(change: Callable[[list[str]], list[str] | str] = lambda lines: lines) -> str:
        content = change(["age,colour,value,answer", *GOOD])
        text = content if isinstance(content, str) else "\n".join(content) + "\n"
        (tmp_path / "table.csv").write_text(text)
        return str(tmp_path / "table.csv")

    return write


@pytest.fixture
def refused(command: Callable[..., Any], tmp_path: Path) -> Callable[..., str]:
    """The message that training with these overrides is refused with."""

    def message(*overrides: str, folder: str | None = None) -> str:
        place = folder or str(tmp_path / "run")
        outcome = command("train", *overrides, f"hydra.run.dir={place}")
        assert outcome.status == 2, outcome.err
        assert outcome.out == ""
        assert outcome.err.startswith("error: ")
        assert 1 <= len(outcome.err.splitlines()) <= 2
        assert "Traceback" not in outcome.err
        if folder is None:
            assert not Path(place).exists()
        assert os.listdir() == [], "nothing in the working folder"
        return str(outcome.err)

    return message


def replaced(line: int, column: int, value: str) -> Callable[[list[str]], list[str]]:
    """Another value in a cell; lines counted from 1 with the header."""

    def change(lines: list[str]) -> list[str]:
        cells = lines[line - 1].split(",")
        cells[column] = value
        return [*lines[: line - 1], ",".join(cells), *lines[line:]]

    return change


def test_a_missing_file_is_named(refused: Callable[..., str]) -> None:
    assert "/nowhere/table.csv" in refused("data=csv", "data.path=/nowhere/table.csv", "data.target=y")


@pytest.mark.parametrize("content", ["", "\n", "age,colour,value,answer\n"])
def test_a_file_without_rows_is_named(content: str, refused: Callable[..., str], file: Callable[..., str]) -> None:
    path = file(lambda lines: content)
    assert path in refused("data=csv", f"data.path={path}", "data.target=answer")


def test_an_absent_target_column_is_named_with_the_nearest_one(
    refused: Callable[..., str], file: Callable[..., str]
) -> None:
    message = refused("data=csv", f"data.path={file()}", "data.target=answr")
    assert "'answr'" in message
    assert "'answer'" in message


def test_a_target_with_one_class_only_is_refused(refused: Callable[..., str], file: Callable[..., str]) -> None:
    path = file(lambda lines: [line.replace("yes", "no") for line in lines])
    message = refused("data=csv", f"data.path={path}", "data.target=answer")
    assert path in message
    assert "'answer'" in message


@pytest.mark.parametrize(("column", "name", "task"), [(2, "value", "regression"), (3, "answer", "classification")])
def test_a_missing_target_value_is_named_by_line(
    column: int, name: str, task: str, refused: Callable[..., str], file: Callable[..., str]
) -> None:
    path = file(replaced(17, column, "NaN"))
    message = refused("data=csv", f"data.path={path}", f"data.target={name}", f"task={task}")
    assert "line 17" in message
    assert f"column '{name}'" in message


def test_text_in_a_numeric_column_is_named_by_line(refused: Callable[..., str], file: Callable[..., str]) -> None:
    path = file(replaced(23, 0, "many"))
    message = refused("data=csv", f"data.path={path}", "data.target=answer", "data.numeric=[age]")
    assert f"{path}, line 23, column 'age': 'many'" in message


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["optimizer.lr=-0.1"], ["optimizer.lr", "greater than", "-0.1"]),
        (["optimizer.lr=fast"], ["optimizer.lr", "fast"]),
        (["model.dropout=1.5"], ["model.dropout", "1.5"]),
        (["data.test=1.2"], ["data.test", "1.2"]),
        (["data.val=-0.1"], ["data.val", "-0.1"]),
        (["data.val=0.5", "data.test=0.5"], ["data.val", "data.test"]),
        (["data.batch_size=0"], ["data.batch_size", "0"]),
        (["seed=-1"], ["seed", "-1"]),
        (["optimizer.learning_rat=0.1"], ["optimizer.learning_rat", "lr"]),
        (["model.dropuot=0.1"], ["model.dropuot", "dropout"]),
        (["trainer.max_epoch=3"], ["trainer.max_epoch", "max_epochs"]),
        (["trainer.precision=17"], ["trainer.precision", "17"]),
        (["checkpoint.mode=lowest"], ["checkpoint.mode", "min", "max"]),
        (["checkpoint.monitor=val/acuracy"], ["checkpoint.monitor", "val/accuracy"]),
        (["model=mpl"], ["mpl", "mlp"]),
        (["modell=mlp"], ["modell", "model"]),
        (["model.width=wide"], ["model.width", "wide"]),
        (["attention=additive"], ["attention"]),
        (["loss=mse"], ["loss=mse", "regression", "multiclass"]),
        (["loss=cross_entropy", "loss.class_weights=[1,2]"], ["class_weights", "10"]),
        (["model.activation=Rleu"], ["activation", "Rleu"]),
        (["trainer.val_check_interval=1000"], ["val_check_interval", "1000"]),
        (["trainer.accelerator=warp"], ["trainer", "warp"]),
        (["trainer.accelerator=cpu", "trainer.strategy=unheard_of"], ["trainer", "unheard_of"]),
        (["model"], ["model"]),
        (["data.path=[1"], ["data.path"]),
        (["--no-such-flag"], ["--no-such-flag"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and "=" in value[0] else None,
)
def test_an_override_that_cannot_be_is_named(
    overrides: list[str], words: list[str], refused: Callable[..., str]
) -> None:
    message = refused("data=digits", *overrides)
    for word in words:
        assert word in message


def test_several_mistakes_are_reported_together(command: Callable[..., Any]) -> None:
    outcome = command("train", "optimizer.lr=-1", "model.dropout=7", "seed=-3")
    assert outcome.status == 2
    assert all(key in outcome.err for key in ("optimizer.lr", "model.dropout", "seed"))


@pytest.mark.parametrize("folder", ["/proc/run", "{file}", "{file}/run"])
def test_a_run_folder_that_cannot_be_written_is_named(
    folder: str, refused: Callable[..., str], file: Callable[..., str]
) -> None:
    place = folder.format(file=file())
    message = refused("data=iris", folder=place)
    assert place in message
    assert "hydra.run.dir=" in message


def test_a_folder_that_holds_a_run_is_refused_and_left_alone(
    refused: Callable[..., str], train: Callable[..., Path]
) -> None:
    run = train()
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    message = refused("data=iris", folder=str(run))
    assert f"resume={run}" in message
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("train", ["resume=/nowhere"]),
        ("evaluate", ["run=/nowhere"]),
        ("predict", ["run=/nowhere", "input=-", "output=-"]),
    ],
)
def test_an_unknown_run_folder_is_named(name: str, arguments: list[str], command: Callable[..., Any]) -> None:
    outcome = command(name, *arguments)
    assert outcome.status == 2
    assert outcome.err.startswith("error: /nowhere: no run here")
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "arguments", "word"),
    [
        ("train", ["resume=."], "no run here"),
        ("train", ["resume="], "resume"),
        ("evaluate", [], "run: must be given"),
        ("evaluate", ["here"], "here: expected key=value"),
        ("predict", ["run=here"], "input: must be given"),
        ("predict", ["run=here", "input=-"], "output: must be given"),
        ("predict", ["run=here", "input=-", "output=-", "inptu=3"], "inptu: no such option"),
        ("evaluate", ["run=here", "data.path={_target_: os.system}"], "_target_"),
    ],
)
def test_an_incomplete_command_says_what_is_missing(
    name: str, arguments: list[str], word: str, command: Callable[..., Any]
) -> None:
    outcome = command(name, *arguments)
    assert outcome.status == 2
    assert word in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_debug_shows_the_traceback_of_a_user_s_error_too(command: Callable[..., Any]) -> None:
    outcome = command("train", "optimizer.lr=-1", "--debug")
    assert outcome.status == 2
    assert "Traceback" in outcome.err
    assert "optimizer.lr" in outcome.err


BROKEN = """
from torch import nn
class Broken(nn.Module):
    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(in_features, out_features)
    def forward(self, inputs):
        raise RuntimeError("not our day")
"""


def test_our_own_fault_has_a_traceback_and_status_1(command: Callable[..., Any], plugin: Callable[..., Any]) -> None:
    plugin(entry_points={"zoo.models": {"broken": "zoo_foo:Broken"}}, modules={"zoo_foo.py": BROKEN})
    outcome = command("train", "data=iris", "model=broken", "logger=null", "trainer.accelerator=cpu")
    assert outcome.status == 1
    assert "Traceback" in outcome.err
    assert "not our day" in outcome.err
