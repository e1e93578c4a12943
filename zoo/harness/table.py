"""Metrics as a table for people."""

from __future__ import annotations

from collections.abc import Mapping


def metrics_table(metrics: Mapping[str, float]) -> str:
    """Test metrics first, with what validation said of the same where it did.

    Args:
        metrics: flat, as in metrics.json.
    """
    names = [name.removeprefix("test/") for name in metrics if name.startswith("test/")]
    rows = [("metric", "test", "val")] if names else []
    for name in names:
        val = metrics.get(f"val/{name}")
        rows.append((name, f"{metrics[f'test/{name}']:.6g}", "" if val is None else f"{val:.6g}"))
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
