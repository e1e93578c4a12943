"""Search for what a sequence-to-sequence model would say.

One routine over an abstract step: beam search (greedy is a beam of one), diverse beam search, sampling and minimum
Bayes risk, with prefixes, phrases that must or must not appear, ensembles, and scores for given targets.

```python
from zoo.seq2seq.search import DecodeOptions, score, search

sources = torch.tensor([[7, 5, 9, 3], [6, 3, 0, 0]])               # ids, each source with its end, padded on the right
options = DecodeOptions(beam=5, n_best=2, length_penalty=1.0, coverage_penalty=0.2)
for ranked in search(model, sources, options):                     # one list a sentence, best first
    best = ranked[0]
    best.tokens, best.score, best.token_log_probabilities          # weights: (len(tokens) + 1, own source length)

search([one, other], sources, options)                             # an ensemble: the mean of their probabilities
search(model, sources, options, prefixes=[[11, 12], []], must=[[[4, 8]], []], must_not=[[], [[9]]])
search(model, sources, DecodeOptions(strategy="mbr", samples=32), text=decode)
score(model, sources, targets=[[11, 12, 4], [9]])                  # how probable given targets are
```

A model is anything with the three methods of `StepModel`:

- `encode(source)`: what is kept of the sources, once a sentence, however many hypotheses there are of it;
- `start(memory)`: the state before the first token, one hypothesis a sentence;
- `step(tokens, memory, state)`: logits of the next token, attention weights or `None`, and the next state, for N
  hypotheses a sentence.

Promises, each with a test in `tests/seq2seq/search`: a beam of one is greedy; a beam wide enough finds what
enumeration finds, whatever the penalties; `score` of what was found is its score; the batch a sentence stands in
changes nothing; a sentence that is finished costs nothing more; memory is never copied over the beam.

Conventions: |Y| counts the end, which has a probability as every token has; every hypothesis ends, at the latest at
its maximum length, where its end is forced; padding and the begin token are never produced.
"""

from zoo.seq2seq.search.decode import search
from zoo.seq2seq.search.ensemble import StepModel
from zoo.seq2seq.search.errors import SentenceError, WeightlessError
from zoo.seq2seq.search.hypothesis import Hypothesis
from zoo.seq2seq.search.options import DecodeOptions
from zoo.seq2seq.search.scoring import score
from zoo.seq2seq.search.unknown import replace_unknown

__all__ = [
    "DecodeOptions",
    "Hypothesis",
    "SentenceError",
    "StepModel",
    "WeightlessError",
    "replace_unknown",
    "score",
    "search",
]
