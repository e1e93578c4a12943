"""The toolkit's own checks, one test each."""

import pytest
from zoo.testing import (
    attention_checks,
    check_attention,
    check_loss,
    check_model,
    loss_checks,
    model_checks,
    optimizer_checks,
)

ATTENTION = "zoo_example.attentions:location_aware"
MODEL = "zoo_example.models:TabularResNet"
LOSS = "zoo_example.losses:Focal"
# The toolkit has a focal loss and a Lion of its own, which keep the bare names.
SHADOWED = {"entry_point_name": "goes by the name of its package, as zoo-example:focal and zoo-example:lion"}


@pytest.mark.parametrize("check", model_checks(MODEL).checks())
def test_model_conforms(check):
    check()


@pytest.mark.parametrize("check", attention_checks(ATTENTION).checks())
def test_attention_conforms(check):
    check()


@pytest.mark.parametrize("check", loss_checks(LOSS, expected_failures=SHADOWED).checks())
def test_loss_conforms(check):
    check()


@pytest.mark.parametrize("check", optimizer_checks("zoo_example.optimizers:Lion", expected_failures=SHADOWED).checks())
def test_optimizer_conforms(check):
    check()


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_model_conforms_with_other_options(norm):
    check_model(MODEL, config={"norm": norm, "width": 16, "depth": 0, "residual_dropout": 0.2})


@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("selection", ["softmax", "top_k", "sparsemax", "entmax", "gumbel", "hard"])
@pytest.mark.parametrize("scope", ["global", "local_m", "local_p"])
def test_attention_conforms_in_every_scope_and_selection(scope, selection, coverage):
    own = {"hidden_size": 5, "filters": 2, "kernel_width": 3}
    shared = {"scope": scope, "window": 2, "selection": selection, "temperature": 0.7, "k": 2, "coverage": coverage}
    check_attention(ATTENTION, config={**own, **shared})


@pytest.mark.parametrize(("classes", "alpha"), [(2, 0.25), (3, [0.2, 0.3, 0.5])])
def test_loss_conforms_with_class_weights(classes, alpha):
    check_loss(LOSS, config={"gamma": 0.5, "alpha": alpha}, facts={"num_classes": classes}, expected_failures=SHADOWED)
