"""Ways to ask for a configuration, and for the line it is refused with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import zoo
from zoo.registry import ZooError


@pytest.fixture
def refused() -> Callable[..., str]:
    """The text that these overrides are refused with."""

    def message(*overrides: str, **options: Any) -> str:
        with pytest.raises(ZooError) as caught:
            zoo.compose(list(overrides), **options)
        return str(caught.value)

    return message


@pytest.fixture
def refused_in_one_line(refused: Callable[..., str]) -> Callable[..., str]:
    """The one line that these overrides are refused with."""

    def message(*overrides: str, **options: Any) -> str:
        text = refused(*overrides, **options)
        assert text
        assert "\n" not in text
        return text

    return message
