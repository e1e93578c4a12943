"""Attention over the states of an encoder.

An attention is a score with a scope, a selection and, if wanted, coverage; each is chosen without the others. A new
score gets them all:

```python
def ours(
    query_size: options.Size,
    key_size: options.Size,
    scope: options.Scope = "global",
    window: options.Window = 10,
    selection: options.Selection = "softmax",
    temperature: options.Temperature = 1.0,
    k: options.TopK = 4,
    alpha: options.Alpha = 1.5,
    coverage: bool = False,
) -> Attention:
    return Attention(OurScore(query_size, key_size), query_size, scope=scope, window=window, ...)
```

where `OurScore` is a `Score`.
"""

from zoo.seq2seq.attention import options
from zoo.seq2seq.attention.attention import Attention
from zoo.seq2seq.attention.memory import Memory, State
from zoo.seq2seq.attention.score import Score

__all__ = ["Attention", "Memory", "Score", "State", "options"]
