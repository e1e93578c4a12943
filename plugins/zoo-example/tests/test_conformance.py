"""The toolkit's own checks, one test each."""

import pytest
from zoo.testing import check_loss, check_model, loss_checks, model_checks, optimizer_checks

MODEL = "zoo_example.models:TabularResNet"
LOSS = "zoo_example.losses:Focal"


@pytest.mark.parametrize("check", model_checks(MODEL).checks())
def test_model_conforms(check):
    check()


@pytest.mark.parametrize("check", loss_checks(LOSS).checks())
def test_loss_conforms(check):
    check()


@pytest.mark.parametrize("check", optimizer_checks("zoo_example.optimizers:Lion").checks())
def test_optimizer_conforms(check):
    check()


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_model_conforms_with_other_options(norm):
    check_model(MODEL, config={"norm": norm, "width": 16, "depth": 0, "residual_dropout": 0.2})


@pytest.mark.parametrize(("classes", "alpha"), [(2, 0.25), (3, [0.2, 0.3, 0.5])])
def test_loss_conforms_with_class_weights(classes, alpha):
    check_loss(LOSS, config={"gamma": 0.5, "alpha": alpha}, facts={"num_classes": classes})
