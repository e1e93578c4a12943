"""The conformance kit: what every plugin author's tests call.

    from zoo.testing import check_model

    def test_conforms():
        check_model("my_package.models:MyModel", config={"width": 32})

Each `check_*` runs a list of named checks, returns a report, and raises AssertionError that names every unexpected
failure with what to do. `*_checks` gives the same checks one by one, for `pytest.mark.parametrize`.
`expected_failures={"check": "reason"}` excuses a check, which must then fail.
"""

from zoo.testing.attentions import attention_checks, check_attention
from zoo.testing.data import check_data, data_checks
from zoo.testing.losses import check_loss, loss_checks
from zoo.testing.metrics import check_metric, metric_checks
from zoo.testing.models import check_model, model_checks
from zoo.testing.optimizers import check_optimizer, optimizer_checks
from zoo.testing.schedules import check_schedule, schedule_checks
from zoo.testing.suite import Check, CheckResult, Report, Suite

__all__ = [
    "Check",
    "CheckResult",
    "Report",
    "Suite",
    "attention_checks",
    "check_attention",
    "check_data",
    "check_loss",
    "check_metric",
    "check_model",
    "check_optimizer",
    "check_schedule",
    "data_checks",
    "loss_checks",
    "metric_checks",
    "model_checks",
    "optimizer_checks",
    "schedule_checks",
]
