"""The group `decode`: how a sequence-to-sequence model is searched, straight from the search's own options."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from zoo.config.validation import converted, value_problems
from zoo.errors import ZooError
from zoo.registry import Option, options_of


@cache
def decode_options() -> dict[str, Option]:
    """The options of `decode.*` by name, with types and defaults."""
    from zoo.seq2seq.search import DecodeOptions

    return options_of(DecodeOptions)


def changed_decode(node: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The group `decode` with some options changed; another strategy drops what it does not heed of the rest.

    Args:
        node: the group of a configuration.
        changes: options by name.
    """
    from zoo.seq2seq.search.options import ignored_by

    strategy = changes.get("strategy")
    dropped = ignored_by(str(strategy)) if strategy is not None else set()
    return {**{key: value for key, value in node.items() if key not in dropped}, **changes}


def build_decode(node: Mapping[str, Any]) -> Any:
    """The options of a search, checked.

    Args:
        node: the group `decode` of a configuration.

    Raises:
        ZooError: an option is unknown, its value does not fit, or two do not go together.
    """
    from zoo.seq2seq.search import DecodeOptions

    known = decode_options()
    problems = [str(problem) for problem in value_problems("decode", node, known)]
    if problems:
        raise ZooError("\n".join(problems))
    try:
        return DecodeOptions(**{key: converted(value, known[key].annotation) for key, value in node.items()})
    except ValueError as error:
        raise ZooError(f"decode: {error}") from error
