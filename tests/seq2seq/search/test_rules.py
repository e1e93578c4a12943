"""What an output must and must not be, it is and is not."""

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, search

BEGIN, END = 2, 3
BEAMS = {
    "greedy": {"beam": 1},
    "beam": {"beam": 5, "n_best": 5},
    "diverse": {"strategy": "diverse", "beam": 6, "groups": 3, "n_best": 6},
}
DRAWS = {"sample": {"strategy": "sample", "n_best": 5}}
every_strategy = pytest.mark.parametrize("options", [*BEAMS.values(), *DRAWS.values()], ids=[*BEAMS, *DRAWS])
every_beam = pytest.mark.parametrize("options", BEAMS.values(), ids=BEAMS)


def all_of(found):
    """(sentence, tokens) of every hypothesis, each sentence with at least one."""
    assert all(found)
    return [(row, one.tokens) for row, ranked in enumerate(found) for one in ranked]


def holds(tokens, phrase):
    return any(tokens[at : at + len(phrase)] == phrase for at in range(len(tokens) - len(phrase) + 1))


@every_strategy
def test_prefixes_are_kept_whatever_else_is_asked(attentive, sentences, pad, options):
    rows = sentences(16)
    prefixes = [[(5 + row) % 36 + 4] * (row % 4) for row in range(16)]
    found = search(
        attentive(0),
        pad(rows),
        DecodeOptions(no_repeat_ngram=1, **options),
        prefixes=prefixes,
        must_not=[[[prefix[0]]] if prefix else [] for prefix in prefixes],
    )
    for row, tokens in all_of(found):
        assert tokens[: len(prefixes[row])] == prefixes[row]
        assert not set(tokens[len(prefixes[row]) :]) & set(prefixes[row])


@every_beam
def test_what_must_appear_appears_once_the_search_returns(attentive, sentences, pad, options):
    rows = sentences(24)
    must = [[[4 + row, 9, 30], [31]][: row % 3] for row in range(24)]
    found = search(attentive(1), pad(rows), DecodeOptions(**options), must=must)
    for row, tokens in all_of(found):
        assert all(holds(tokens, phrase) for phrase in must[row])


@every_beam
def test_phrases_appear_even_where_only_they_fit(attentive, pad, options):
    """The maximum length leaves room for these tokens alone."""
    must = [[[7, 8], [9]], [[10, 11, 12]]]
    found = search(attentive(1), pad([[5, 3], [6, 3]]), DecodeOptions(max_length=3, **options), must=must)
    assert {tuple(tokens) for row, tokens in all_of(found) if row == 0} <= {(7, 8, 9), (9, 7, 8)}
    assert {tuple(tokens) for row, tokens in all_of(found) if row == 1} == {(10, 11, 12)}


def test_phrases_stand_where_they_are_probable_and_not_at_the_end(markov, pad):
    """A phrase costs least early in this model; a search that met it late would pay more."""
    model = markov(0, vocabulary=7)
    model.table.zero_()
    model.table[..., BEGIN, 5] = 4.0  # the first token is 5 or, less probably, 6
    model.table[..., BEGIN, 6] = 3.0
    model.table[..., 5, END] = 6.0
    model.table[..., 6, 4] = 6.0
    model.table[..., 4, END] = 8.0
    [[found]] = search(model, pad([[5, 3]]), DecodeOptions(beam=4, max_length=9), must=[[[6, 4]]])
    assert found.tokens == [6, 4]


@every_strategy
def test_what_must_not_appear_does_not(attentive, sentences, pad, options):
    rows = sentences(16)
    plain = search(attentive(2), pad(rows), DecodeOptions(**options))
    must_not = [[] for _ in rows]
    for row, tokens in all_of(plain):
        if row % 2 and tokens:
            must_not[row].append(tokens[: 1 + len(must_not[row])])
    found = search(attentive(2), pad(rows), DecodeOptions(**options), must_not=must_not)
    assert sum(map(len, must_not)) >= 6
    for row, tokens in all_of(found):
        assert not any(holds(tokens, phrase) for phrase in must_not[row])
    for row in range(0, 16, 2):
        assert [one.tokens for one in found[row]] == [one.tokens for one in plain[row]]


@every_strategy
@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_ngram_repeats(attentive, sentences, pad, options, n):
    model, rows = attentive(4), sentences(12)
    repeating = 0
    for size in (0, n):
        found = search(model, pad(rows), DecodeOptions(no_repeat_ngram=size, max_ratio=4.0, **options))
        for _, tokens in all_of(found):
            grams = [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]
            repeating += len(grams) > len(set(grams))
        assert repeating > 0 if size == 0 else repeating == 0
        repeating = 0


@every_strategy
def test_outputs_are_as_long_as_asked(attentive, sentences, pad, options):
    model, rows = attentive(0), sentences(16)
    model.out.bias.data[END] += 4
    found = search(model, pad(rows), DecodeOptions(min_length=4, max_length=6, max_extra=6, **options))
    lengths = {len(tokens) for _, tokens in all_of(found)}
    assert lengths <= {4, 5, 6}
    assert len(lengths) > 1


@every_strategy
def test_an_empty_output_is_allowed(markov, pad, options):
    model = markov(0)
    model.table[..., END] = 50.0
    for _, tokens in all_of(search(model, pad([[5, 3], [3]]), DecodeOptions(**options)))[:1]:
        assert tokens == []
    for _, tokens in all_of(search(model, pad([[5, 3], [3]]), DecodeOptions(max_length=0, **options))):
        assert tokens == []


@every_strategy
def test_padding_and_begin_are_never_produced(markov, pad, options):
    model = markov(0)
    model.table[..., [0, BEGIN]] = 20.0
    for _, tokens in all_of(search(model, pad([[5, 3], [3]]), DecodeOptions(**options))):
        assert not {0, BEGIN, END} & set(tokens)


@every_strategy
def test_special_tokens_may_have_other_ids(markov, pad, options):
    """Also one token that both begins and ends, as some vocabularies have."""

    class Other(markov):
        def encode(self, source):
            return {"kind": source.sum(1) % 11, "parts": [source != 6]}

    model = Other(1)
    found = search(model, pad([[4, 2]]), DecodeOptions(**options), begin_id=5, end_id=5, padding_id=6)
    for _, tokens in all_of(found):
        assert not {5, 6} & set(tokens)


def test_minimum_length_gives_way_where_nothing_else_is_left(markov, pad):
    """Four letters, none twice: there is no output of six."""
    options = DecodeOptions(beam=3, min_length=6, no_repeat_ngram=1)
    [[found]] = search(markov(0, vocabulary=7), pad([[5, 3]]), options)
    assert sorted(found.tokens) == [1, 4, 5, 6]


def test_a_phrase_that_must_appear_may_repeat(markov, pad):
    options = DecodeOptions(beam=3, no_repeat_ngram=1)
    [[found]] = search(markov(0), pad([[5, 3]]), options, prefixes=[[4]], must=[[[5, 4, 5]]])
    assert holds(found.tokens, [5, 4, 5])


def test_phrases_that_overlap_and_phrases_in_phrases(markov, pad):
    must = [[[4, 5], [5, 6], [5], [4, 5]]]
    for ranked in search(markov(3), pad([[5, 3]]), DecodeOptions(beam=8, n_best=8), must=must):
        for one in ranked:
            assert holds(one.tokens, [4, 5])
            assert holds(one.tokens, [5, 6])
    [[tight]] = search(markov(3), pad([[5, 3]]), DecodeOptions(beam=8, max_length=2), must=[[[4], [4, 5]]])
    assert tight.tokens == [4, 5]


REFUSED = {
    "max_length": ({"prefixes": [[4, 4]], "must": [[[5]]]}, "sentence 0: its prefix and phrases have 3 tokens"),
    "number": ({"prefixes": [[4], [5]]}, "prefixes is given for 2 of 1 sentences"),
    "end": ({"prefixes": [[4, END]]}, "sentence 0: prefix .* holds padding, begin or end"),
    "padding": ({"must": [[[0]]]}, "sentence 0: must .* holds padding"),
    "begin": ({"must_not": [[[4, BEGIN]]]}, "sentence 0: must_not .* holds padding"),
    "empty": ({"must_not": [[[]]]}, "a phrase of must_not is empty"),
    "contradiction": ({"must": [[[4, 5]]], "must_not": [[[5]]]}, "sentence 0: a phrase of must holds one of must_not"),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(markov, pad, given, message):
    with pytest.raises(ValueError, match=message):
        search(markov(0), pad([[5, 3]]), DecodeOptions(max_length=2), **given)


@pytest.mark.parametrize("strategy", ["sample", "mbr"])
def test_draws_refuse_phrases_that_must_appear(markov, pad, strategy):
    with pytest.raises(ValueError, match=f"strategy={strategy} cannot heed must"):
        search(markov(0), pad([[5, 3]]), DecodeOptions(strategy=strategy), must=[[[4]]], text=str)


@pytest.mark.parametrize("name", ["must", "must_not"])
def test_phrases_of_the_options_are_not_forgotten(markov, pad, name):
    """They are text; who calls the search has to give their ids."""
    with pytest.raises(ValueError, match=rf"options\.{name} are text; give their ids as {name}="):
        search(markov(0), pad([[5, 3]]), DecodeOptions(**{name: ("word",)}))
    search(markov(0), pad([[5, 3]]), DecodeOptions(**{name: ("word",)}), **{name: [[[4]]]})


def test_a_limit_of_the_source_makes_room_for_what_is_asked(markov, pad):
    options = DecodeOptions(beam=2, max_ratio=0.0, max_extra=1)
    [[found]] = search(markov(0), pad([[3]]), options, prefixes=[[4, 4]], must=[[[5, 6]]])
    assert found.tokens == [4, 4, 5, 6]
    assert torch.tensor(found.token_log_probabilities).isfinite().all()
