"""Every optimizer in the pictures goes downhill on both surfaces."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "draw_optimizers.py"


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_optimizers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their annotations up
    spec.loader.exec_module(module)
    return module


paths = loaded()
RATES = {"adadelta": 5.0, "adagrad": 0.5, "rmsprop": 0.02, "adam": 0.1, "nadam": 0.05, "lion": 0.01}
RATES |= {"schedule_free": 0.1, "lbfgs": 0.05}


@pytest.mark.parametrize("name", paths.OPTIMIZERS)
@pytest.mark.parametrize("surface", paths.SURFACES)
def test_paths_go_downhill_from_the_start(name: str, surface: str) -> None:
    chosen = paths.SURFACES[surface]
    gone = paths.path(name, RATES.get(name, 0.0005), chosen)
    assert gone.shape == (chosen.steps + 1, 2)
    assert gone[0].tolist() == list(chosen.start)
    values = chosen.value(torch.from_numpy(gone))
    assert values[-1] < 0.9 * values[0]


def test_the_minimum_is_one() -> None:
    for surface in paths.SURFACES.values():
        at = torch.tensor(surface.minimum, dtype=torch.float64)
        around = at + 0.01 * torch.randn(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        assert surface.value(at) == 0
        assert (surface.value(around) > 0).all()


def test_noise_is_a_function_of_the_seed() -> None:
    ravine = paths.SURFACES["ravine"]
    one, same, other = (paths.path("sgd", 0.01, ravine, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_rate_whose_path_leaves_the_picture_is_not_chosen() -> None:
    assert paths.end("sgd", 1.0, paths.SURFACES["ravine"]) == float("inf")
    assert paths.end("sgd", 0.01, paths.SURFACES["ravine"]) < 10
