"""Sequence to sequence: recurrent encoders and decoders with attention, and search over what they have learned.

| module | holds |
|---|---|
| `model` | `Seq2Seq`, all parts wired together; the component `model=seq2seq` |
| `encoder`, `bridges` | source sentences to states, and those to the decoder's first state |
| `decoders` | the steps of Bahdanau et al. (2015) and of Luong et al. (2015), over any attention |
| `attention` | scores, scopes, selections and coverage; the components `attention=...` |
| `recurrence` | layers of gru, lstm and rnn, for whole batches or one step at a time |
| `embeddings`, `dropout` | vocabularies and their ties; dropout, also variational |
| `deferred` | gradients that a loop over steps sums in one product |
| `search` | beam, sampling, constraints, ensembles, and scores of given pairs, over any model with a step |

```python
import torch
import zoo
from zoo.seq2seq.search import DecodeOptions, search

model = zoo.build(
    "model", "seq2seq", source_vocab_size=20, target_vocab_size=30, attention={"name": "general"}, size="small"
)
source = torch.tensor([[4, 5, 6, 3], [7, 3, 0, 0]])  # 0 is padding, 2 begins and 3 ends a sentence
prefix = torch.tensor([[2, 8, 9], [2, 10, 0]])
logits = model(source, prefix)  # of the five real target positions, (5, 30)
found = search(model.eval(), source, DecodeOptions(beam=5))
print(found[0][0].tokens, found[0][0].log_probability)
```
"""
