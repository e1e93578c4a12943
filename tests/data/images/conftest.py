"""Small pictures in folders, of two tones that a model can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.images.images import Images

Folder = Callable[[Mapping[str, int]], Path]


def picture(seed: int, width: int = 20, height: int = 16) -> Image.Image:
    """Noise that no other seed has."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No test finds what another has kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "attention-zoo"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with so many pictures in each of its folders, `train/ant` or `ant`; no two alike."""
    made = 0

    def build(counts: Mapping[str, int]) -> Path:
        nonlocal made
        root = tmp_path / f"photos{made}"
        for place, count in counts.items():
            (root / place).mkdir(parents=True)
            for number in range(count):
                made += 1
                picture(made).save(root / place / f"{number:03d}.png")
        return root

    return build


@pytest.fixture
def images():
    """The component, at 8 pixels, set up."""

    def build(path: Path, **options) -> Images:
        data = Images(str(path), **{"size": 8, "resize": 10, "batch_size": 4} | options)
        data.setup()
        return data

    return build
