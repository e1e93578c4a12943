"""Levenshtein's distance of two sequences."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """How many insertions, deletions and substitutions make one sequence the other.

    Myers (1999) in the form of Hyyrö (2003): a column of the table of distances is held by its differences from
    row to row, all +1 in the bits of one integer and all -1 in those of another, so that a column costs a dozen
    operations on integers of as many bits as the longer sequence has elements.

    Args:
        first: of n elements; a string is a sequence of its code points.
        second: of m elements.

    Example:
        >>> edit_distance("kitten", "sitting")
        3
    """
    if first == second:
        return 0
    rows, columns = (first, second) if len(first) >= len(second) else (second, first)
    if not columns:
        return len(rows)
    places: dict[Hashable, int] = {}
    for position, element in enumerate(rows):
        places[element] = places.get(element, 0) | 1 << position
    every, last = (1 << len(rows)) - 1, 1 << (len(rows) - 1)
    distance, up, down = len(rows), every, 0  # vertical differences +1 and -1; the first column is 0, 1, 2 ...
    for element in columns:
        same = places.get(element, 0)
        diagonal = (((same & up) + up) ^ up) | same | down  # where the distance is that of the upper left neighbour
        rises, falls = down | ~(diagonal | up) & every, up & diagonal  # horizontal differences +1 and -1
        distance += bool(rises & last) - bool(falls & last)
        rises, falls = rises << 1 | 1, falls << 1  # the first row is 0, 1, 2 ...
        up = (falls | ~(diagonal | rises)) & every
        down = rises & diagonal & every
    return distance
