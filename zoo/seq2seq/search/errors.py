"""What a search cannot do, and why."""

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


class WeightlessError(ValueError):
    """The penalty for what is not covered, of a model that does not say where it looks."""

    def __init__(self) -> None:
        super().__init__("coverage_penalty needs a model that gives attention weights; set it to 0")
