"""What a search cannot do for one of its sentences."""

from __future__ import annotations


class SentenceError(ValueError):
    """What is asked of one sentence's output leaves none.

    Args:
        row: of the sentence in its batch.
        problem: what is wrong, and what to do.
    """

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(f"sentence {row}: {problem}")
        self.row, self.problem = row, problem
