"""Metrics as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.report.terminal import display_width, padded

#: Columns of a text in a table of examples, at most.
WIDEST = 48


def metrics_table(metrics: Mapping[str, float]) -> str:
    """Test metrics first, with what validation said of the same where it did; those of validation without a test.

    Args:
        metrics: flat, as in metrics.json.
    """
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    rows: list[tuple[str, ...]] = [("metric", "test", "val")] if names else []
    if not names:
        rows = [("metric", "val")] if any(name.startswith("val/") for name in metrics) else []
        rows += [(one.removeprefix("val/"), f"{value:.6g}") for one, value in metrics.items() if one.startswith("val/")]
    for name in names:
        val = metrics.get(f"val/{name}")
        rows.append((name, f"{metrics[f'test/{name}']:.6g}", "" if val is None else f"{val:.6g}"))
    if not rows:
        return ""
    if names and not any(row[2] for row in rows[1:]):
        rows = [row[:2] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *values in rows:
        cells = [f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True)]
        lines.append("  ".join([f"{name:<{widths[0]}}", *cells]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def examples_table(examples: Sequence[Any], count: int = 12) -> str:
    """Sources with what was generated and what would have been right, spread evenly over all of them.

    Args:
        examples: with `source_tokens`, `predicted` and `references`.
        count: rows at most.
    """
    shown = min(count, len(examples))
    chosen = [examples[position * len(examples) // shown] for position in range(shown)]
    rows = [("source", "predicted", "right", "")]
    for one in chosen:
        right = one.predicted in one.references
        rows.append((one.source, one.predicted, " | ".join(one.references), "ok" if right else "wrong"))
    widths = [min(WIDEST, max(display_width(row[column]) for row in rows)) for column in range(3)]
    lines = ["  ".join([*(padded(*one) for one in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
