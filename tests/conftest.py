"""Plugins made on the spot, and a registry that sees nothing else."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest
import yaml

from zoo.config.installed import refresh
from zoo.registry import CONF_GROUP, HOST, normalized

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Plugin:
    """A distribution as `pip install` would leave it: a folder on `sys.path` with metadata and modules.

    Attributes:
        name: of the distribution.
        version: of the distribution.
        folder: put it on PYTHONPATH and another process sees the plugin too.
        metadata: its `.dist-info` (or `.egg-info`) folder.
    """

    name: str
    version: str
    folder: Path
    metadata: Path


@pytest.fixture(autouse=True)
def isolated_registry(
    no_rank_left_behind: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Keep the plugins of the developer's environment, and its ZOO_PLUGINS, out of every test."""
    made_here = tmp_path_factory.getbasetemp().resolve()

    def visible() -> Iterator[Distribution]:
        for distribution in distributions():
            folder = Path(str(getattr(distribution, "_path", "")))
            ours = normalized(folder.name).startswith(HOST) and folder.suffix == ".dist-info"
            if ours or made_here in folder.resolve().parents:
                yield distribution

    monkeypatch.delenv("ZOO_PLUGINS", raising=False)
    monkeypatch.setattr("zoo.registry.discovery.distributions", visible)
    refresh()
    yield
    refresh()


LAUNCHER = ("LOCAL_", "NODE_", "MASTER_", "WORLD_", "RANK", "GROUP_", "TORCHELASTIC_", "ZOO_RUN_")


def _launched() -> dict[str, str]:
    """What tells a process which rank of which run it is."""
    return {name: value for name, value in os.environ.items() if name.startswith(LAUNCHER)}


@pytest.fixture(autouse=True)
def no_rank_left_behind() -> Iterator[None]:
    """A test that leaves a launcher's variables behind makes every later process of this one a further rank."""
    before = _launched()
    yield
    assert _launched() == before


@pytest.fixture
def assert_conforms() -> Callable[[Iterable[Callable[[], None]]], None]:
    """Make checks of a conformance kit, but `imports_quietly`, which starts a process: all components share one."""

    def run(checks: Iterable[Callable[[], None]]) -> None:
        for check in checks:
            if getattr(check, "name") != "imports_quietly":  # noqa: B009
                with suppress(SkipTest):
                    check()

    return run


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Plugin]]:
    """Install a plugin made of files, without pip; everything is undone after the test."""
    modules_made: set[str] = set()
    folders = tmp_path / "site"

    def install(
        name: str = "zoo-foo",
        version: str = "1.0",
        *,
        entry_points: Mapping[str, Mapping[str, str]] | str | None = None,
        modules: Mapping[str, str] | None = None,
        requires: Iterable[str] = (),
        conf: Mapping[str, Any] | None = None,
        kind: str = "dist-info",
        folder: Path | None = None,
    ) -> Plugin:
        """Install one.

        Args:
            name: of the distribution; its import package is the same with underscores.
            version: of the distribution.
            entry_points: group -> name -> target, or the text of entry_points.txt.
            modules: file -> source: `{"zoo_foo/nets.py": "..."}`.
            requires: lines of `Requires-Dist`.
            conf: presets, `{"model/big.yaml": {...}}` or YAML text, declared under `zoo.conf`.
            kind: `dist-info`, or `egg-info` as setuptools leaves in a source folder.
            folder: where; a fresh one by default.
        """
        package = normalized(name).replace("-", "_")
        folder = folders / str(len(list(folders.glob("*")))) if folder is None else folder
        metadata = folder / f"{package}-{version}.dist-info"
        if kind == "egg-info":
            metadata = folder / f"{package}.egg-info"
        metadata.mkdir(parents=True)
        files = dict(modules or {})
        groups: Any = entry_points if isinstance(entry_points, str) else dict(entry_points or {})
        if conf is not None:
            if not isinstance(groups, str):
                groups.setdefault(CONF_GROUP, {"presets": f"{package}.conf"})
            files.setdefault(f"{package}/__init__.py", "")
            for path, content in conf.items():
                text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
                files[f"{package}/conf/{path}"] = text
        for path, source in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(source, encoding="utf-8")
            modules_made.add(Path(path).parts[0].removesuffix(".py"))
        header = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        header += [f"Requires-Dist: {line}" for line in requires]
        text = "\n".join(header) + "\n"
        (metadata / ("PKG-INFO" if kind == "egg-info" else "METADATA")).write_text(text, encoding="utf-8")
        (metadata / "entry_points.txt").write_text(
            groups if isinstance(groups, str) else _sections(groups), encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(folder))
        refresh()
        return Plugin(name, version, folder, metadata)

    yield install
    for module in list(sys.modules):
        if module.split(".")[0] in modules_made:
            del sys.modules[module]


def _sections(groups: Mapping[str, Mapping[str, str]]) -> str:
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items()), ""]
    return "\n".join(lines)


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run source, or a module with `-m`, in a fresh interpreter that knows this checkout and the given plugins.

    Plugins of the developer's environment stay switched off there too.
    """

    def run(*arguments: str, plugins: Iterable[Plugin] = (), **environ: str) -> subprocess.CompletedProcess[str]:
        plugins = list(plugins)
        paths = [str(ROOT), *(str(one.folder) for one in plugins)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "ZOO_PLUGINS": "only:" + ",".join(one.name for one in plugins),
            **environ,
        }
        words = arguments if arguments[0].startswith("-") else ("-c", *arguments)
        return subprocess.run(
            [sys.executable, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    return run


@dataclass(frozen=True)
class Reversing:
    """Small runs that turn letters around, and what they were trained on.

    Attributes:
        one: a run with pictures, logs and three kept checkpoints, whose sources and targets are letters a to e.
        other: another attention and another seed on the same pairs.
        wider: sources with a further word, so another source vocabulary; the targets are the same.
        capital: targets in capital letters, so another target vocabulary.
        files: TSV file of each of these runs.
    """

    one: Path
    other: Path
    wider: Path
    capital: Path
    files: Mapping[str, Path]


@pytest.fixture(scope="session")
def reversing(tmp_path_factory: pytest.TempPathFactory) -> Reversing:
    """Four small sequence-to-sequence runs; nobody may change their folders."""
    import zoo

    folder = tmp_path_factory.mktemp("reversing")
    draw = random.Random(0)
    sources = list(dict.fromkeys(" ".join(draw.choices("abcde", k=draw.randint(1, 6))) for _ in range(400)))
    pairs = {
        "one": [(source, source[::-1]) for source in sources],
        "wider": [(source + (" zz" if row % 3 else ""), source[::-1]) for row, source in enumerate(sources)],
        "capital": [(source, source[::-1].upper()) for source in sources],
    }
    files = {name: folder / f"{name}.tsv" for name in pairs}
    for name, rows in pairs.items():
        files[name].write_text("".join(f"{source}\t{target}\n" for source, target in rows))
    files["other"] = files["one"]

    def train(name: str, *overrides: str) -> Path:
        words = [
            "task=seq2seq",
            "data=pairs",
            f"data.path={files[name]}",
            "data.tokenizer=space",
            "data.val=20",
            "data.test=37",
        ]
        words += ["model=luong", "model.embedding_size=12", "model.decoder_size=24", "model.encoder_layers=1"]
        words += ["model.decoder_layers=1", "model.dropout=0", "data.batch_unit=sentences"]
        words += ["data.batch_size=3", "optimizer.lr=0.01"]
        words += ["metric=[perplexity,exact_match]", "trainer.accelerator=cpu", "trainer.devices=1"]
        words += ["trainer.max_epochs=3", "trainer.enable_progress_bar=false", *overrides]
        config = zoo.compose(list({word.split("=")[0]: word for word in words}.values()))
        return zoo.train(config, folder / name).dir

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_PLUGINS", "off")
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        refresh()
        quick = ("logger=null", "report=false", "trainer.max_epochs=1", "task.heatmaps=0")
        found = Reversing(
            one=train("one", "checkpoint.keep=3", "decode.beam=3", "task.heatmaps=[0,7]"),
            other=train("other", "seed=1", "data.seed=0", "model.decoder_size=20", "attention=additive", *quick),
            wider=train("wider", *quick),
            capital=train("capital", *quick),
            files=files,
        )
    refresh()
    return found
