"""The attention that docs/plugins.md shows."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from zoo.testing import check_attention

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
UNREGISTERED = {"entry_point_name": "the example is no installed package"}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The example as a module on the path: its name."""
    (example,) = re.findall(r"## Attention\n.*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "documented_cosine.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "documented_cosine"
    sys.modules.pop("documented_cosine", None)


@pytest.mark.parametrize("scope", ["global", "local_m", "local_p"])
def test_it_conforms_with_every_scope(module, scope):
    config = {"scope": scope, "window": 1, "selection": "top_k", "k": 2, "coverage": True}
    check_attention(f"{module}:cosine", config=config, expected_failures=UNREGISTERED)


def test_it_is_the_softmax_of_cosines(module):
    torch.manual_seed(0)
    attention = importlib.import_module(module).cosine(query_size=3, key_size=4, beta=2.5).double()
    keys, query = torch.randn(1, 5, 4).double(), torch.randn(1, 3).double()
    _, weights, state = attention(query, attention.prepare(keys, torch.ones(1, 5, dtype=torch.bool)), None)
    projected = attention.score.query.weight.detach().numpy() @ query[0].numpy()
    lengths = np.linalg.norm(projected) * np.linalg.norm(keys[0].numpy(), axis=1)
    powers = np.exp(2.5 * (keys[0].numpy() @ projected) / lengths)
    np.testing.assert_allclose(weights[0].detach().numpy(), powers / powers.sum(), rtol=1e-12)
    assert state is None
