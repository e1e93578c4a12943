"""Every random number generator at a known place."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's generators."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def generator(seed: int = 0) -> torch.Generator:
    """A generator of its own, for inputs that do not depend on what ran before."""
    return torch.Generator().manual_seed(seed)
