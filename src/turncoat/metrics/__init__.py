"""Statistics on plain arrays of scores and predictions; they know no model."""

from turncoat.metrics.rates import (
    Interval,
    accuracy,
    attack_success,
    clopper_pearson,
    mean_interval,
    paired_difference,
    rate,
)

__all__ = [
    "Interval",
    "accuracy",
    "attack_success",
    "clopper_pearson",
    "mean_interval",
    "paired_difference",
    "rate",
]
