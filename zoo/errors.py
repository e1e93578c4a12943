"""The errors a user can cause. Each names the file, line, column or key, and says what to do."""

from __future__ import annotations

from os import PathLike, fspath

from zoo.registry.errors import ZooError

__all__ = ["ConfigError", "DataError", "Interrupted", "RunError", "ZooError"]


class Interrupted(BaseException):
    """Training was stopped by a signal, with everything saved that is needed to go on."""


def _sentence(subject: str, problem: str, remedy: str) -> str:
    return f"{subject}: {problem}" + (f"; {remedy}" if remedy else "")


class ConfigError(ZooError):
    """A value, key or combination in the configuration that cannot be.

    Args:
        key: the full key, such as `model.depth`.
        problem: what is wrong with it.
        remedy: what to do.
    """

    def __init__(self, key: str, problem: str, remedy: str = "") -> None:
        super().__init__(_sentence(key, problem, remedy))
        self.key = key


class DataError(ZooError):
    """Something in the user's data.

    Args:
        path: the file, or the name of the data set.
        problem: what is wrong.
        remedy: what to do.
        line: line of the file, counted from 1 with the header.
        column: name of the column.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        problem: str,
        remedy: str = "",
        line: int | None = None,
        column: str | None = None,
    ) -> None:
        where = fspath(path)
        where += f", line {line}" if line is not None else ""
        where += f", column {column!r}" if column is not None else ""
        super().__init__(_sentence(where, problem, remedy))
        self.path, self.line, self.column = path, line, column


class RunError(ZooError):
    """A run folder or checkpoint that is missing, damaged, unsafe or of another making.

    Args:
        path: the folder or file.
        problem: what is wrong.
        remedy: what to do.
    """

    def __init__(self, path: str | PathLike[str], problem: str, remedy: str = "") -> None:
        super().__init__(_sentence(fspath(path), problem, remedy))
        self.path = path
