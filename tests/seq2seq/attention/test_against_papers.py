"""Every score, scope, selection and coverage against the papers' equations, in plain loops over Python floats."""

import math

import pytest
import torch

SCORES = ["additive", "concat", "dot", "scaled_dot", "general", "location", "multihead"]
SCOPES = ["global", "local_m", "local_p"]
SELECTIONS = ["softmax", "top_k", "sparsemax", "entmax", "gumbel", "hard"]


def product(matrix, vector):
    return [inner(row, vector) for row in matrix]


def inner(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def energy(name, values, query, key, position, covered):
    """One energy, or one a head, of a query and a key; `covered` is the sum of earlier weights at this position.

    Bahdanau et al. (2015), A.1.2; Luong et al. (2015), equation 8; Vaswani et al. (2017), equation 1; See et al.
    (2017), equation 11.
    """
    if name in ("additive", "concat"):
        if name == "additive":
            of_query, of_key = product(values["query.weight"], query), product(values["key.weight"], key)
            hidden = [a + b for a, b in zip(of_query, of_key, strict=True)]
        else:
            hidden = product(values["weight"], query + key)
        if "query.bias" in values:
            hidden = [a + b for a, b in zip(hidden, values["query.bias"], strict=True)]
        if "covered" in values:
            hidden = [a + w * covered for a, w in zip(hidden, values["covered"], strict=True)]
        v = values["v"]
        if "gain" in values:
            v = [values["gain"] * one / math.sqrt(inner(v, v)) for one in v]
        return inner(v, [math.tanh(one) for one in hidden])
    if name == "dot":
        return inner(query, key)
    if name == "scaled_dot":
        return inner(query, key) / math.sqrt(len(query))
    if name == "general":
        return inner(query, product(values["weight.weight"], key)) / math.sqrt(len(key))
    if name == "location":
        return inner(values["weight"][position], query)
    raise AssertionError(name)


def select(name, energies, allowed, temperature, k, alpha):
    """Weights of all positions, from energies of all positions and the list of those allowed."""
    weights = [0.0] * len(energies)
    if not allowed:
        return weights
    if name == "hard":
        weights[max(allowed, key=lambda s: energies[s])] = 1.0
        return weights
    if name in ("sparsemax", "entmax"):
        beta = 1 if name == "sparsemax" else alpha - 1
        scaled = {s: beta * energies[s] / temperature for s in allowed}
        low, high = max(scaled.values()) - 1, max(scaled.values())
        for _ in range(100):  # Peters et al. (2019), algorithm 1
            threshold = (low + high) / 2
            found = {s: max(one - threshold, 0) ** (1 / beta) for s, one in scaled.items()}
            low, high = (threshold, high) if sum(found.values()) > 1 else (low, threshold)
        for s in allowed:
            weights[s] = found[s]
        return weights
    if name == "top_k":
        allowed = sorted(allowed, key=lambda s: -energies[s])[:k]
    total = sum(math.exp(energies[s] / temperature) for s in allowed)
    for s in allowed:
        weights[s] = math.exp(energies[s] / temperature) / total
    return weights


def window_of(scope, values, query, step, length, window):
    """Positions that the step may attend to, and the factor of each weight."""
    if scope == "global":
        return range(length), [1.0] * length
    if scope == "local_m":
        centre, p = min(step, length - 1), None
    else:
        hidden = [math.tanh(one) for one in product(values["scope.hidden.weight"], query)]
        v = [one / len(hidden) for one in values["scope.position.weight"][0]]
        p = length / (1 + math.exp(-inner(v, hidden)))
        centre = math.floor(p)
    positions = [s for s in range(length) if centre - window <= s <= centre + window]
    sigma = window / 2
    return positions, [1.0 if p is None else math.exp(-((s - p) ** 2) / (2 * sigma**2)) for s in range(length)]


def attend(name, attention, keys, mask, queries, *, scope, window, selection, temperature, k, alpha=1.5, heads=2):
    """Contexts and weights of every step of one sentence: (T, K) and (T, S) lists."""
    values = {key: value.tolist() for key, value in attention.state_dict().items()}
    own = {key.removeprefix("score."): value for key, value in values.items() if key.startswith("score.")}
    length = sum(mask)
    coverage = [0.0] * len(keys)
    contexts, all_weights = [], []
    for step, query in enumerate(queries):
        allowed, factor = window_of(scope, values, query, step, length, window)
        repeated = 0.0
        if "covered.weight" in values:
            repeated = inner(values["covered.weight"][0], query) + values["covered.bias"][0]
        groups, context = [], []
        if name == "multihead":
            size = len(keys[0]) // heads
            for head in range(heads):
                rows = slice(head * size, (head + 1) * size)
                of_query = product(own["query.weight"][rows], query)
                energies = [
                    inner(of_query, product(own["key.weight"][rows], key)) / math.sqrt(size) + repeated * coverage[s]
                    for s, key in enumerate(keys)
                ]
                weights = select(selection, energies, allowed, temperature, k, alpha)
                weights = [w * factor[s] if s in allowed else 0.0 for s, w in enumerate(weights)]
                read = [product(own["value.weight"][rows], key) for key in keys]
                context += [sum(weights[s] * read[s][i] for s in range(len(keys))) for i in range(size)]
                groups.append(weights)
            context = product(own["output.weight"], context)
        else:
            energies = [
                energy(name, own, query, key, s, coverage[s]) + repeated * coverage[s] for s, key in enumerate(keys)
            ]
            weights = select(selection, energies, allowed, temperature, k, alpha)
            groups.append([w * factor[s] if s in allowed else 0.0 for s, w in enumerate(weights)])
            context = [sum(groups[0][s] * keys[s][i] for s in range(len(keys))) for i in range(len(keys[0]))]
        weights = [sum(group[s] for group in groups) / len(groups) for s in range(len(keys))]
        coverage = [c + w for c, w in zip(coverage, weights, strict=True)]
        contexts.append(context)
        all_weights.append(weights)
    return contexts, all_weights


def check(name, attention, batch, loop, **options):
    keys, mask, queries = batch
    contexts, weights = loop(attention, keys, mask, queries)
    for row in range(len(keys)):
        expected = attend(name, attention, keys[row].tolist(), mask[row].tolist(), queries[row].tolist(), **options)
        torch.testing.assert_close(contexts[row], torch.tensor(expected[0], dtype=torch.float64), rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(weights[row], torch.tensor(expected[1], dtype=torch.float64), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("score", SCORES)
def test_short_sources(build, sentences, loop, score, scope, selection, coverage):
    own = {"heads": 2} if score == "multihead" else {}
    options = {"scope": scope, "window": 2, "selection": selection, "temperature": 0.7, "k": 2, "alpha": 1.3}
    attention = build(score, coverage=coverage, **own, **options)
    check(score, attention, sentences((6, 1, 0, 3), steps=5), loop, **options)


@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("scope", ["local_m", "local_p"])
@pytest.mark.parametrize("score", SCORES)
def test_sources_much_longer_than_the_window(build, sentences, loop, score, scope, coverage):
    """Where a pointwise score reads its window alone."""
    own = {"heads": 2} if score == "multihead" else {}
    options = {"scope": scope, "window": 1, "selection": "softmax", "temperature": 1.0, "k": 2}
    attention = build(score, coverage=coverage, **own, **options)
    check(score, attention, sentences((14, 1, 0, 3, 13), steps=16), loop, **options)


def test_normalised_additive(build, sentences, loop):
    options = {"scope": "global", "window": 1, "selection": "softmax", "temperature": 1.0, "k": 2}
    check("additive", build("additive", normalised=True, hidden_size=3, **options), sentences(), loop, **options)


def test_general_projects_either_side_with_one_result(build, sentences, loop):
    for mine, other in zip(
        loop(build("general", project="keys"), *sentences()),
        loop(build("general", project="queries"), *sentences()),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


def test_none_is_the_last_state_of_each_sentence(build, sentences, loop):
    keys, mask, queries = sentences((6, 1, 0, 3))
    contexts, weights = loop(build("none"), keys, mask, queries)
    for step in range(queries.shape[1]):
        assert torch.equal(
            contexts[:, step], torch.stack([keys[0, 5], keys[1, 0], torch.zeros(4).double(), keys[3, 2]])
        )
        assert weights[:, step].argmax(-1).tolist() == [5, 0, 0, 2]
        assert weights[:, step].sum(-1).tolist() == [1, 1, 0, 1]
