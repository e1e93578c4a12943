"""Every entry point passes the checks of a third party's attention, with its defaults and with all options."""

import pytest

from zoo.testing import attention_checks

SHARED = [
    {},
    {"selection": "hard", "temperature": 0.5, "coverage": True},
    {"selection": "top_k", "k": 2, "window": 1},
    {"selection": "sparsemax", "temperature": 2.0},
    {"selection": "entmax", "alpha": 1.2, "coverage": True},
]
SCOPES = [{"scope": "local_m"}, {"scope": "local_p", "coverage": True, "window": 2}]
TARGETS = {
    "scores.additive:additive": [*SHARED, *SCOPES, {"normalised": True, "hidden_size": 5}],
    "scores.concat:concat": [*SHARED, *SCOPES, {"hidden_size": 5}],
    "scores.dot:dot": [*SHARED, *SCOPES],
    "scores.dot:scaled_dot": [*SHARED, *SCOPES],
    "scores.general:general": [*SHARED, *SCOPES, {"project": "queries"}],
    "scores.last:none": [{}],
    "scores.location:location": [*SHARED, *SCOPES, {"max_length": 7}],
    "scores.multihead:multihead": [*SHARED, *SCOPES, {"heads": 8}],
    "presets:local_m": [*SHARED, {"score": "additive"}],
    "presets:local_p": [*SHARED, *({"score": name} for name in ("additive", "concat", "location", "multihead"))],
}
CASES = [(target, config) for target, configs in TARGETS.items() for config in configs]


@pytest.mark.parametrize(("target", "config"), CASES)
def test_conforms(target, config, assert_conforms):
    facts = {"query_size": 8} if "dot" in target else {}
    assert_conforms(attention_checks(f"zoo.seq2seq.attention.{target}", config=config, facts=facts))
