"""Every component that comes with the toolkit, on one page: docs/catalogue.md.

    python scripts/write_catalogue.py [--output FILE]

Everything on the page is read from the registry, from signatures and from docstrings.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from zoo import selection
from zoo.config.groups import facts, of_data, user_options
from zoo.config.installed import registry
from zoo.models.activations import ACTIVATIONS
from zoo.models.dropout import DropConnect, DropoutKind, StochasticDepth
from zoo.models.initialisation import SCHEMES, Initialisation
from zoo.models.normalisation import MapNormalisation, Normalisation
from zoo.registry import GROUPS, Component, Option, options

PAGE = Path(__file__).resolve().parents[1] / "docs" / "catalogue.md"
#: Heading and first words of each kind.
KINDS = {
    "model": ("Models", "What is trained."),
    "head": ("Heads", "`model.head=NAME` of image backbones, or `'model.head={name: mlp, dropout: 0.3}'`."),
    "attention": ("Attentions", "Each score with every scope (`global`, `local_m`, `local_p`) and every selection."),
    "finetune": ("Fine-tuning", "What trains when; learning rates of stages."),
    "loss": ("Losses", "`loss=NAME`, or a weighted sum: `'loss=[mse,absolute]' loss.mse.weight=2`."),
    "penalty": (
        "Penalties",
        "`penalty=NAME`, on weights; `penalty=l2 penalty.l2.biases=true` takes in biases and norms.",
    ),
    "optimizer": ("Optimizers", "`optimizer=NAME`; η is the learning rate, g the gradient, θ the parameters."),
    "clip": (
        "Clipping",
        "`optimizer.clip=NAME`, or `'optimizer.clip={name: norm, limit: 0.5}'`: of gradients before each step.",
    ),
    "schedule": ("Schedules", "Of the learning rate η; `zoo plot schedule=NAME output=FILE.png` draws one."),
    "metric": ("Metrics", "`'metric=[NAME,NAME]'`, exact over batches and processes."),
    "data": ("Data", ""),
    "task": ("Tasks", "Chosen by the data unless given."),
    "callback": ("Callbacks", ""),
    "logger": ("Loggers", ""),
}
#: Pictures beside a kind.
PICTURES = {
    "schedule": ("pictures/schedules.png", "Learning rates of the schedules over a run"),
    "optimizer": ("pictures/optimizers_ravine.png", "Paths of the optimizers in a noisy ravine"),
}
NORMALISATIONS = {
    "batch": "over the examples of a batch; Ioffe & Szegedy (2015), algorithm 1",
    "layer": "over the features of an example; Ba, Kiros & Hinton (2016), section 3",
    "group": "over groups of features; Wu & He (2018), section 3",
    "instance": "over the places of each channel of a picture; Ulyanov, Vedaldi & Lempitsky (2016)",
    "rms": "by the root mean square alone, without shift; Zhang & Sennrich (2019), equation 4",
}
DROPOUTS = {
    "dropout": "units are zero, the others times 1 / (1 - p); Srivastava et al. (2014), section 4",
    "alpha_dropout": "keeps the mean and variance that `selu` has; Klambauer et al. (2017), section 3",
    "drop_connect": DropConnect,
}
#: Kinds whose members have a formula, and so a source.
SOURCED = ("loss", "penalty", "optimizer", "clip", "schedule", "metric")
#: A name, further names, and a year: who proposed it.
CITED = re.compile(
    r"[A-Z][\w'’-]+(?:, [A-Z][\w'’-]+)*(?: et al\.| & [A-Z][\w'’-]+)?,? \(?(?:19|20)\d\d\)?"
    r"(?:, (?:sections?|equations?|algorithms?|chapter|theorem|table) \d+(?:\.\d+)*)?"
)


def catalogue() -> str:
    """The page, as Markdown."""
    own = [one for one in registry().components() if one.builtin]
    kinds = [kind for kind in GROUPS if any(one.kind == kind for one in own)]
    headings = [KINDS[kind][0] for kind in kinds] + ["Activations", "Choices of layers", "Selections"]
    parts = [
        "# Catalogue",
        "Every component that comes with the toolkit. This page is written by `python scripts/write_catalogue.py`; "
        "`zoo plugins list` shows what is installed, plugins included, and `zoo plugins show KIND NAME` the types of "
        "options. An option is set by `KIND.OPTION=VALUE`, such as `optimizer.lr=0.01`; by `KIND.NAME.OPTION=VALUE` "
        "where several may be chosen, which are losses in a sum, penalties, metrics, callbacks and loggers.",
        " · ".join(f"[{one}](#{one.lower().replace(' ', '-')})" for one in headings),
    ]
    for kind in kinds:
        heading, words = KINDS[kind]
        parts.append(f"## {heading}")
        parts += [words] if words else []
        if kind in PICTURES and (PAGE.parent / PICTURES[kind][0]).exists():
            path, title = PICTURES[kind]
            parts.append(f"![{title}]({path})")
        members = sorted((one for one in own if one.kind == kind), key=lambda one: one.name)
        rows = [(f"`{one.name}`", summary(one), chosen(one)) for one in members]
        parts.append(table(("name", "what it is", "options and their defaults"), rows))
    return "\n\n".join([*parts, *choices()]) + "\n"


def choices() -> list[str]:
    """What is no component, and has a name of its own."""
    activations = [(f"`{name}`", cell(kind.formula), cell(kind.source)) for name, kind in sorted(ACTIVATIONS.items())]
    normalisations = dict.fromkeys((*get_args(Normalisation), *get_args(MapNormalisation)))
    layers = [("`norm`", f"`{name}`", NORMALISATIONS[name]) for name in normalisations if name != "none"]
    layers += [("`dropout_kind`", f"`{name}`", described(DROPOUTS[name])) for name in get_args(DropoutKind)]
    layers.append(("`stochastic_depth`", "", described(StochasticDepth)))
    schemes = {name: described(SCHEMES[name]) for name in get_args(Initialisation) if name in SCHEMES}
    layers += [("`init`", "`default`", "as torch does it")]
    layers += [("`init`", f"`{name}`", words) for name, words in schemes.items()]
    functions = [(f"`{name}`", described(getattr(selection, name))) for name in selection.__all__]
    return [
        "## Activations",
        "`model.activation=NAME`, or with options `'model.activation={name: leaky_relu, negative_slope: 0.2}'`; "
        "`zoo plot activation=NAME output=FILE.png` draws one.",
        "![Every activation and its gradient](pictures/activations.png)",
        table(("name", "f(x)", "source"), activations),
        "## Choices of layers",
        "Options of `model=mlp`, and of others where they make sense: `zoo plugins show model NAME` lists them.",
        table(("option", "value", "what it is"), layers),
        "## Selections",
        "Functions of `zoo.selection`; `attention.selection=softmax`, `top_k`, `sparsemax`, `entmax`, `gumbel` or "
        "`hard` of any `attention=NAME` uses them.",
        table(("function", "weights"), functions),
    ]


def summary(component: Component) -> str:
    """The first paragraph of a docstring, and its first source where that paragraph names none."""
    text = inspect.getdoc(component.load()) or ""
    first = " ".join(text.split("\n\n")[0].split())
    if not first:
        raise SystemExit(f"{component.kind} {component.name}: no docstring")
    named = CITED.search(" ".join(text.split()))
    if CITED.search(first) or named is None or component.kind not in SOURCED:
        return cell(first)
    source = re.sub(r"[()]|'s", "", named.group())
    return cell(f"{first.rstrip('.')}; {source}.")


def described(target: Any) -> str:
    """The first paragraph of a docstring; words are themselves."""
    if isinstance(target, str):
        return cell(target)
    return cell(" ".join((inspect.getdoc(target) or "").split("\n\n")[0].split()))


def chosen(component: Component) -> str:
    """Options and defaults of a component, without what the data decide."""
    found = user_options(component.kind, options(component)).values()
    return ", ".join(_option(component.kind, one) for one in found if one.name not in of_data(component.kind))


def _option(kind: str, option: Option) -> str:
    if option.name in facts(kind):
        return f"`{option.name}`"
    if option.required:
        return f"`{option.name}` (must be given)"
    return f"`{option.name}={_value(option.default)}`"


def _value(value: Any) -> str:
    """As on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def cell(text: str) -> str:
    """Text inside a table: a bar would end its cell, and a star or a `<` could mean something."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def main() -> None:
    """Writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=PAGE)
    output: Path = parser.parse_args().output
    page = catalogue()
    output.write_text(page, encoding="utf-8")
    print(f"{output}: {page.count(chr(10))} lines")


if __name__ == "__main__":
    main()
