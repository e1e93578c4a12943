"""Lowering the learning rate when progress stops."""

from __future__ import annotations

import math

from torch.optim.lr_scheduler import ReduceLROnPlateau


class Plateau(ReduceLROnPlateau):
    """torch's ReduceLROnPlateau, for monitored values of either sign.

    torch compares with best (1 - threshold), which for a negative best (a log likelihood, an R² of a bad start) is
    worse than the best: standing still would count as progress for ever. Here the threshold is a share of |best|.
    """

    def _is_better(self, a: float, best: float) -> bool:
        margin = self.threshold * abs(best) if math.isfinite(best) else 0.0
        return a < best - margin if self.mode == "min" else a > best + margin

    is_better = _is_better  # the name older torch calls
