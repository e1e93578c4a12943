"""Exit statuses."""

from __future__ import annotations

import errno

import pytest

from zoo.commands.console import run_command
from zoo.errors import Interrupted, ZooError


def raising(error: BaseException) -> int:
    def command(arguments: list[str]) -> int:
        raise error

    return run_command(command, [])


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ZooError("data.csv, line 3: two columns"), 2, "error: data.csv, line 3: two columns\n"),
        (Interrupted("stopped at step 3; continue with resume=x"), 2, "stopped at step 3; continue with resume=x\n"),
        (KeyboardInterrupt(), 2, "interrupted before there was anything to save\n"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_status_2(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(error) == status
    assert capsys.readouterr() == ("", said)


def test_any_other_exception_is_a_traceback_and_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(ZeroDivisionError("by zero")) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "ZeroDivisionError: by zero" in said


@pytest.mark.parametrize(("answer", "status"), [(None, 0), (0, 0), (3, 3)])
def test_a_command_s_own_status_is_the_status(answer: int | None, status: int) -> None:
    assert run_command(lambda arguments: answer, []) == status


def test_debug_is_no_argument_of_the_command() -> None:
    seen: list[list[str]] = []
    run_command(seen.append, ["a=1", "--debug", "b=2"])
    assert seen == [["a=1", "b=2"]]


def test_a_full_disk_anywhere_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    def command(arguments: list[str]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "logs/metrics.csv")

    assert run_command(command, []) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: logs/metrics.csv: No space left on device; free space, then resume the run"
    ]


def test_another_error_of_the_operating_system_is_our_own_fault(capsys: pytest.CaptureFixture[str]) -> None:
    def command(arguments: list[str]) -> None:
        raise OSError(errno.EIO, "Input/output error")

    assert run_command(command, []) == 1
    assert "Traceback" in capsys.readouterr().err
