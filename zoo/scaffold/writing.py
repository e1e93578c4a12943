"""A plugin package from the templates beside this file: no network, no other tool."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from string import Template

from packaging.version import Version

from zoo.config.installed import registry
from zoo.config.presets import list_presets
from zoo.errors import ZooError
from zoo.registry import GROUPS, did_you_mean, normalized
from zoo.version import __version__

_TEMPLATES = Path(__file__).parent / "template"
#: Kind of component -> module of the package that is written.
KINDS: dict[str, str] = {
    "model": "models",
    "loss": "losses",
    "optimizer": "optimizers",
    "attention": "attentions",
}
_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
#: Files whose name in the package cannot be the template's.
_RENAMED = {"gitignore": ".gitignore"}


def write_plugin(name: str, folder: Path, kind: str = "model") -> Path:
    """Write a package with one component, a preset, tests and a README.

    Args:
        name: of the distribution, of the component on the command line, and of the folder that is written.
        folder: where that folder goes.
        kind: of the component: `model`, `loss`, `optimizer` or `attention`.

    Returns:
        The folder of the package.

    Raises:
        ZooError: the name cannot be used or is taken, the folder exists, or it cannot be written.
    """
    if kind not in KINDS:
        raise ZooError(f"no template for a {kind}{did_you_mean(kind, KINDS)}; there is one for {', '.join(KINDS)}")
    _check(name, kind)
    package = Path(folder) / name
    if package.exists() or package.is_symlink():
        raise ZooError(f"{package}: exists already; choose another name or folder")
    values = _values(name, kind)
    try:
        package.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=package.parent, prefix=f".{name}-") as unfinished:
            content = Path(unfinished, name)
            for template, path in _files(kind, values):
                (content / path).parent.mkdir(parents=True, exist_ok=True)
                (content / path).write_text(template.substitute(values), encoding="utf-8")
            os.rename(content, package)
    except OSError as error:
        raise ZooError(f"{package}: cannot be written: {error.strerror or error}; choose another folder") from error
    return package


def _files(kind: str, values: dict[str, str]) -> Iterator[tuple[Template, Path]]:
    """Each template, and where its result goes in the package."""
    for root in (_TEMPLATES / "every-kind", _TEMPLATES / f"kind-{kind}"):
        for file in sorted(root.rglob("*.tmpl")):
            written = file.relative_to(root).with_suffix("")
            written = written.with_name(_RENAMED.get(written.name, written.name))
            yield Template(file.read_text(encoding="utf-8")), Path(written.as_posix().format(**values))


def _values(name: str, kind: str) -> dict[str, str]:
    """What stands in the templates for `$name`, `$package` and so on."""
    package = _package(name)
    version = Version(__version__)
    camel = "".join(part[:1].upper() + part[1:] for part in re.split("[-_]+", name))
    preset = next((_TEMPLATES / f"kind-{kind}").rglob("*.yaml.tmpl")).name.removesuffix(".yaml.tmpl").format(name=name)
    commands = [f"python -m zoo.train {kind}={one}" for one in (name, preset)]
    if kind == "attention":
        commands = [f"{command} model=luong data=copy" for command in commands]
    return {
        "name": name,
        "kind": kind,
        "article": "An" if kind[0] in "aeiou" else "A",
        "package": package,
        "module": KINDS[kind],
        "class_name": camel + kind.title(),
        "group": GROUPS[kind],
        "version": f"{version.major}.{version.minor}",
        "next_version": f"{version.major}.{version.minor + 1}",
        "commands": "\n".join(commands),
    }


def _package(name: str) -> str:
    """The import package of a distribution."""
    return re.sub(r"[-_]+", "_", name).lower()


def _check(name: str, kind: str) -> None:
    """Refuse names that cannot be a folder, a distribution, a module and a component all at once.

    Raises:
        ZooError: it is such a name; says why.
    """
    if not _NAME.fullmatch(name):
        raise ZooError(
            f"{name!r} cannot name a plugin: it must begin with a letter, hold letters, digits, '-' and '_' only "
            "(64 at most), and end in a letter or digit"
        )
    package = _package(name)
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        raise ZooError(f"{name!r} cannot name a plugin: it is a word of Python's; choose another name")
    for one in registry().components(kind):
        if normalized(one.name) == normalized(name):
            raise ZooError(f"{kind}={one.name} exists already, from {one.origin}; choose another name")
    if name in list_presets(kind):
        raise ZooError(f"{kind}={name} exists already, as a preset; choose another name")
    if any(normalized(one.metadata["Name"] or "") == normalized(name) for one in distributions()):
        raise ZooError(f"a distribution {name!r} is installed already; choose another name")
    if package in sys.stdlib_module_names or package in ("tests", "test", "src") or _installed(package):
        raise ZooError(f"there is a module {package!r} already, which the plugin would hide; choose another name")


def _installed(package: str) -> bool:
    """Whether a module of this name can be imported. Nothing is imported to find out."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return True
