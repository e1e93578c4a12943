"""Text to make tokens of."""

from __future__ import annotations

import random

import pytest

SYLLABLES = ["ka", "to", "mi", "ra", "schön", "le", "ße", "no", "ti", "bu", "ge", "ing", "en", "ver", "st"]


@pytest.fixture(scope="session")
def lines() -> list[str]:
    """Six hundred sentences of words made of a few syllables, common words being more common."""
    rng = random.Random(7)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(300)]
    weights = [1 / rank for rank in range(1, 301)]
    return [" ".join(rng.choices(words, weights, k=rng.randint(1, 14))) + "." for _ in range(600)]
