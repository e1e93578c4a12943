"""Metrics as functions of all predictions and targets at once; those of zoo.metrics compute the same in batches."""

from zoo.metrics.functional.agreement import balanced_accuracy, cohen_kappa, mcc
from zoo.metrics.functional.confusion import confusion_matrix
from zoo.metrics.functional.ranking import average_precision, gain, gini, ks, lift, pr_auc, roc_auc

__all__ = [
    "average_precision",
    "balanced_accuracy",
    "cohen_kappa",
    "confusion_matrix",
    "gain",
    "gini",
    "ks",
    "lift",
    "mcc",
    "pr_auc",
    "roc_auc",
]
