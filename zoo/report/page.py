"""The page: plain HTML that needs nothing but itself. Whatever comes from a run is escaped where it enters."""

from __future__ import annotations

import base64
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import yaml

from zoo.report.drawing import Picture
from zoo.report.section import Section, Table
from zoo.report.stylesheet import STYLESHEET

#: Longer tables are folded.
ROWS_UNFOLDED = 40
#: Overrides that say where a run goes, not what it computes.
PLACES = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
#: The browser is told as well: nothing is fetched, nothing is run.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(
    config: Mapping[str, Any],
    record: Mapping[str, Any],
    metrics: Mapping[str, float],
    facts: Mapping[str, Any],
    sections: Sequence[Section],
    *,
    name: str,
) -> str:
    """The whole page.

    Args:
        config: of the run, resolved.
        record: its `run.json`.
        metrics: its `metrics.json`.
        facts: of the data.
        sections: what there is to see.
        name: of the run folder.
    """
    task, data, model = (str((config.get(kind) or {}).get("name", "unknown")) for kind in ("task", "data", "model"))
    monitor = str((config.get("checkpoint") or {}).get("monitor", ""))
    title = f"{model} on {data}"
    results = _results(metrics, monitor, record)
    body = [
        f'<header><p class="kicker">{escape(task)}</p><h1>{escape(title)}</h1>',
        f"<p>{escape(_summary(metrics, facts, monitor))}</p></header>",
        f'<section><h2>Results</h2><div class="columns">{results}{_rest(metrics)}</div></section>',
        *(_section(section) for section in sections),
        _components(record),
        _reproduction(config, record),
        _environment(config, record),
        "<section><h2>Configuration</h2><details><summary>config.yaml</summary>"
        f"<pre>{escape(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))}</pre></details></section>",
        f"<footer>Run folder <code>{escape(name)}</code>. Written by attention-zoo.</footer>",
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLESHEET}</style>"
    )
    lines = "\n".join(part for part in body if part)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{lines}\n</body>\n</html>\n'


def number(value: object, decimals: int | None = None) -> str:
    """A value as people read it, with six digits or so many decimals; the exact one stays with it for machines."""
    if value is None:
        return '<span class="none">–</span>'
    if not isinstance(value, int | float):
        return escape(str(value))
    if isinstance(value, int):
        shown = f"{value:,}"
    elif decimals is not None:
        shown = f"{value:.{decimals}f}"
    elif math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        shown = f"{int(value):,}"
    else:
        shown = f"{value:.6g}"
    return f'<data value="{value!r}">{shown.replace("-", "−")}</data>'


def seconds(value: float) -> str:
    """A duration in the two largest units that matter."""
    if not math.isfinite(value):
        return "unknown"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def command_line(record: Mapping[str, Any]) -> str | None:
    """What to type to train the same again; `None` where the run was not started from a command line."""
    overrides = [str(override) for override in record.get("overrides") or []]
    kept = [one for one in overrides if one.split("=")[0].lstrip("+~") not in PLACES]
    program = str((record.get("command") or [""])[0]).replace("\\", "/")
    if not overrides and not program.endswith(("zoo/train.py", "zoo/__main__.py", "/zoo")):
        return None
    return " ".join(["python -m zoo.train", *(shlex.quote(one) for one in kept)])


def _summary(metrics: Mapping[str, float], facts: Mapping[str, Any], monitor: str) -> str:
    """One sentence on the data, one on the training."""
    examples = facts.get("examples") or {}
    sentences = []
    if examples:
        called = {"train": "training", "val": "validation"}
        counts = [f"{count:,} {called.get(split, split)}" for split, count in examples.items()]
        sentences.append(f"{_enumerated(counts)} examples.")
    if "train/steps" in metrics:
        steps, epochs = int(metrics["train/steps"]), int(metrics.get("train/epochs", 0))
        duration = f" in {seconds(metrics['train/seconds'])}" if "train/seconds" in metrics else ""
        sentences.append(f"{steps:,} steps, {epochs:,} epoch{'' if epochs == 1 else 's'}{duration}.")
    best = metrics.get("best/step")
    if monitor in metrics and best is not None:
        sentences.append(f"Best {monitor} {metrics[monitor]:.4g} at step {best:,}.")
    return " ".join(sentences)


def _enumerated(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _results(metrics: Mapping[str, float], monitor: str, record: Mapping[str, Any]) -> str:
    """Final metrics of the test and the validation split, one a row, with the signatures of those that have one."""
    splits = [split for split in ("test", "val") if any(key.startswith(f"{split}/") for key in metrics)]
    if not splits:
        return "<p>The run has no final metrics.</p>"
    names = dict.fromkeys(key.split("/", 1)[1] for split in splits for key in metrics if key.startswith(f"{split}/"))
    rows = [(name, *(metrics.get(f"{split}/{name}") for split in splits)) for name in names]
    best = metrics.get("best/step")
    notes = [f"With the weights of step {best:,}, the best by {monitor}."] if monitor and best is not None else []
    notes += [", ".join(f"{name}: {signature}" for name, signature in (record.get("metrics") or {}).items())]
    return _table(Table(["metric", *splits], rows, " ".join(filter(None, notes))))


def _rest(metrics: Mapping[str, float]) -> str:
    """Everything else that `metrics.json` holds."""
    rest = {name: value for name, value in metrics.items() if not name.startswith(("test/", "val/"))}
    if not rest:
        return ""
    return _definitions((escape(name), number(value)) for name, value in rest.items())


def _section(section: Section) -> str:
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    content = "".join(_picture(one) if isinstance(one, Picture) else _table(one) for one in section.content)
    return f'<section><h2>{escape(section.title)}</h2>{text}<div class="content">{content}</div></section>'


def _picture(picture: Picture) -> str:
    source = base64.b64encode(picture.png).decode("ascii")
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    image = (
        f'<img src="data:image/png;base64,{source}" alt="{escape(picture.alternative)}" '
        f'width="{picture.width}" height="{picture.height}">'
    )
    return f'<figure style="width: {max(picture.width, 300)}px">{image}{caption}</figure>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    rows = []
    for name, *values in table.rows:
        cells = "".join(f"<td>{_cell(value, table.decimals)}</td>" for value in values)
        rows.append(f'<tr><th scope="row">{escape(str(name))}</th>{cells}</tr>')
    note = f'<p class="note">{escape(table.caption)}</p>' if table.caption else ""
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    kind = ' class="words texts"' if table.words else ""
    html = f'<div class="wide"><table{kind}>{body}</table>{note}</div>'
    if len(table.rows) <= ROWS_UNFOLDED:
        return html
    return f"<details><summary>{len(table.rows):,} rows, one a {escape(table.header[0])}</summary>{html}</details>"


def _cell(value: str | float | Sequence[str] | None, decimals: int | None) -> str:
    """A number, a text, or several texts below each other."""
    if value is None or isinstance(value, str | int | float):
        return number(value, decimals)
    return "<br>".join(escape(one) for one in value)


def _components(record: Mapping[str, Any]) -> str:
    """Where every component came from."""
    components = record.get("components") or []
    if not components:
        return ""
    head = "".join(f'<th scope="col">{one}</th>' for one in ("kind", "name", "distribution", "version", "commit"))
    rows = []
    for one in components:
        commit = str(one.get("commit") or "")
        shown = f'<code title="{escape(commit)}">{escape(commit[:10])}</code>' if commit else number(None)
        cells = [f"<code>{escape(str(one.get('name', '')))}</code>"]
        cells += [escape(str(one.get(key) or "–")) for key in ("distribution", "version")]
        cells.append(shown + (' <span class="none">editable</span>' if one.get("editable") else ""))
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(str(one.get("kind", "")))}</th>{row}</tr>')
    table = f'<table class="words"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<section><h2>Components</h2><div class="wide">{table}</div></section>'


def _reproduction(config: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """How to train the same again, and from which state of the code."""
    command = command_line(record)
    if command is None:
        how = 'import yaml, zoo\n\nzoo.train(yaml.safe_load(open("config.yaml")))'
        command = f"python - <<'END'\n{how}\nEND"
    git = record.get("git") or {}
    state = ""
    if git.get("commit"):
        changed = ", with changes that are not committed" if git.get("dirty") else ""
        state = f"<p>Started in a checkout at commit <code>{escape(str(git['commit']))}</code>{changed}.</p>"
    return f"<section><h2>Reproduce</h2><pre>{escape(command)}</pre>{state}</section>"


def _environment(config: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The seed, and the versions that decide what a run computes."""
    versions = {str(name): str(version) for name, version in (record.get("packages") or {}).items()}
    seed = {"seed": str(config["seed"])} if "seed" in config else {}
    if not versions and not seed:
        return ""
    pairs = ((escape(name), escape(version)) for name, version in {**seed, **versions}.items())
    return f"<section><h2>Environment</h2>{_definitions(pairs)}</section>"


def _definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values, both escaped already."""
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in pairs)}</dl>"
