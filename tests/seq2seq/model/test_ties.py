"""Tied matrices are one parameter, with the gradient of all its readers."""

import pytest
import torch

from zoo.seq2seq.embeddings import make_embedding

JOINT = {"source_vocab_size": 11, "target_vocab_size": 11, "joint_vocabulary": True}
TIES = {
    "none": [["source"], ["target"], ["vocabulary"]],
    "source_target": [["source", "target"], ["vocabulary"]],
    "target_softmax": [["source"], ["target", "vocabulary"]],
    "all": [["source", "target", "vocabulary"]],
}


@pytest.mark.parametrize("decoder", ["bahdanau", "luong"])
@pytest.mark.parametrize("tie", TIES)
def test_shared_matrices_get_the_gradients_of_all_their_readers(build, batch, decoder, tie):
    """Against an untied model with the same values, whose gradients are summed."""
    model = build("additive", decoder, tie=tie, **JOINT).double().train()
    untied = build("additive", decoder, tie="none", **JOINT).double().train()
    if model.vocabulary.projection is not None:  # bahdanau's features are narrower than the embeddings
        untied.vocabulary.projection = torch.nn.Linear(2, 4, bias=False).double()
        untied.vocabulary.weight = torch.nn.Parameter(torch.zeros(11, 4).double())
    untied.load_state_dict(model.state_dict())
    source, prefix = batch()
    for one in (model, untied):
        one(source, prefix).square().sum().backward()
    for group in TIES[tie]:
        matrices = [getattr(model, name).weight for name in group]
        assert all(matrix is matrices[0] for matrix in matrices)
        expected = sum(getattr(untied, name).weight.grad for name in group)
        torch.testing.assert_close(matrices[0].grad, expected)
        assert all(getattr(untied, name).weight.grad.any() for name in group)
    distinct = {id(getattr(model, name).weight) for name in ("source", "target", "vocabulary")}
    assert len(distinct) == len(TIES[tie])


@pytest.mark.parametrize("tie", TIES)
def test_a_tied_model_is_saved_and_loaded(build, batch, tie, tmp_path):
    model = build("additive", tie=tie, **JOINT)
    torch.save(model.state_dict(), tmp_path / "weights")
    torch.manual_seed(9)
    loaded = build("additive", tie=tie, **JOINT)
    for parameter in loaded.parameters():
        parameter.data.zero_()
    loaded.load_state_dict(torch.load(tmp_path / "weights", weights_only=True))
    assert torch.equal(loaded(*batch()), model(*batch()))


def test_a_softmax_of_other_size_projects_to_the_embeddings(build, batch):
    model = build("general", tie="target_softmax", embedding_size=3)
    assert model.vocabulary.projection.weight.shape == (3, 4)
    features = torch.randn(2, 4)
    expected = (features @ model.vocabulary.projection.weight.t()) @ model.target.weight.t() + model.vocabulary.bias
    torch.testing.assert_close(model.vocabulary(features), expected)
    assert build("general", tie="target_softmax").vocabulary.projection is None


@pytest.mark.parametrize("tie", ["source_target", "all"])
def test_a_tie_without_a_joint_vocabulary_is_refused(build, tie):
    for options in ({}, {**JOINT, "joint_vocabulary": False}, {**JOINT, "target_vocab_size": 9}):
        with pytest.raises(Exception, match=rf"tie: {tie} needs one vocabulary for both sides.*data.vocabulary=joint"):
            build("general", tie=tie, **options)


def test_embeddings_have_length_one():
    torch.manual_seed(0)
    lengths = make_embedding(4000, 64).weight.norm(dim=1)
    assert abs(lengths.mean().item() - 1) < 0.01
