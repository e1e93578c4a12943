"""What stands inside of another component is no group of its own, and says so."""

from __future__ import annotations

import pytest

import zoo
from zoo.errors import ZooError


def test_a_head_at_the_top_is_told_where_it_belongs():
    with pytest.raises(ZooError, match=r"head: no group of its own.*; set model\.head=NAME"):
        zoo.compose(["data=digits", "head=mlp"])
