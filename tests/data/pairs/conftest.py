"""Small corpora, and a cache that ends with the test."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

Rows = list[tuple[str, str]]
WORDS = ["ka", "tó", "mi", "ra", "lé", "no", "ti", "bu", "schön", "groß"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is tokenised here out of the developer's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "attention-zoo"


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Three hundred different sentences of a few words, with what is theirs backwards, and a letter more."""
    rng = random.Random(3)
    sources: dict[str, None] = {}
    while len(sources) < 300:
        sources[" ".join(rng.choices(WORDS, k=rng.randint(1, 7)))] = None
    return [(source, " ".join(reversed(source.split())) + " x") for source in sources]


@pytest.fixture
def table(rows: Rows, tmp_path: Path) -> str:
    """Them in a file."""
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{source}\t{target}\n" for source, target in rows))
    return str(path)
