"""What a metric is for, and the arguments that go with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from annotated_types import Interval

Problem = Literal["binary", "multiclass", "multilabel", "regression", "seq2seq"]
ClassificationProblem = Literal["binary", "multiclass", "multilabel"]
Average = Literal["macro", "micro", "weighted"]
#: Probability above which class 1 or a label counts as predicted.
Threshold = Annotated[float, Interval(gt=0, lt=1)]
#: Why a multiclass metric of decisions has no threshold.
LARGEST = "the class with the largest probability is taken; leave it out"
Factory = TypeVar("Factory", bound=Callable[..., object])


def fits(*problems: Problem, predicts: str = "scores") -> Callable[[Factory], Factory]:
    """Writes on a metric's factory which problems it is for, and which predictions it reads."""

    def write(factory: Factory) -> Factory:
        vars(factory)["problems"] = problems
        vars(factory)["predicts"] = predicts
        return factory

    return write


def sizes(task: ClassificationProblem, num_classes: int | None, num_labels: int | None) -> dict[str, int]:
    """The size arguments of torchmetrics' class for a problem: `num_classes`, `num_labels` or none.

    Raises:
        ValueError: the one that is needed is not given.
    """
    needed = {
        "binary": {},
        "multiclass": {"num_classes": num_classes},
        "multilabel": {"num_labels": num_labels},
    }[task]
    for name, value in needed.items():
        if value is None:
            raise ValueError(f"{name}: a {task} metric needs it; say how many there are")
    return {name: value for name, value in needed.items() if value is not None}


def refuse(task: ClassificationProblem, name: str, given: bool, remedy: str) -> None:
    """Refuses an argument that has no meaning for the problem.

    Raises:
        ValueError: it is given.
    """
    if given:
        raise ValueError(f"{name}: has no meaning for a {task} problem; {remedy}")
