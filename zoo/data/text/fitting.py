"""Tokenizers that are fitted once for the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo.data.text.cache import cached, fingerprint
from zoo.data.text.options import TokenizerOptions, load_tokenizer
from zoo.data.text.tokenizer import Tokenizer

__all__ = ["fit_tokenizer"]


def fit_tokenizer(
    parts: Sequence[Any],
    options: TokenizerOptions,
    lines: Callable[[], Iterable[str]],
    folder: str | Path | None = None,
) -> Tokenizer:
    """The tokenizer of a training text, fitted now or before, by this process or another.

    Args:
        parts: what the lines depend on, see `store_pairs`.
        options: of the tokenizer.
        lines: reads the training text, called when the tokenizer was not fitted yet.
        folder: of the cache; None: see `cache_folder`.

    Raises:
        ValueError: an empty text, or one that does not go with the options.
        DataError: the cache cannot be written.
    """

    def make(place: Path) -> dict[str, Any]:
        import torch

        tokenizer = options.fit(lines())
        torch.save(tokenizer.state_dict(), place / "state.pt")
        return {"notes": tokenizer.notes}

    # Another version of the library may train another model.
    library = version("sentencepiece") if options.kind == "sentencepiece" else ""
    place, kept = cached(fingerprint("tokenizer", asdict(options), library, *parts), make, folder)
    import torch

    tokenizer = load_tokenizer(torch.load(place / "state.pt", weights_only=True))
    tokenizer.notes = list(kept["notes"])
    return tokenizer
