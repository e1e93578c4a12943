"""The number of a model's outputs, which goes by two names."""

from __future__ import annotations


def number_of_outputs(out_features: int | None, num_classes: int | None) -> int:
    """The number that a constructor was given as `out_features`, as `num_classes`, or as both.

    Raises:
        ValueError: as neither, or two different ones.
    """
    given = {one for one in (out_features, num_classes) if one is not None}
    if len(given) != 1:
        problem = "they differ" if given else "neither is given"
        raise ValueError(f"out_features {out_features}, num_classes {num_classes}: {problem}; give one of them")
    return given.pop()
