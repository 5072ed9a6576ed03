"""Statistics on plain arrays of scores and predictions; they know no model.

The one way from arrays to an interval is `crossed_rate` (flags of records under several models), `clopper_pearson`
(a single binomial), `mean_interval` (one value a trial), `ratio_interval` (one positive value a trial),
`crossed_difference` (flags before and after) or `paired_difference` (two values a trial), each an `Interval` that
says how it was made; `results.values.Measured.of` is its typed value. docs/statistics.md has their coverage.
"""

from turncoat.metrics.crossed import crossed_difference, crossed_rate
from turncoat.metrics.rates import (
    Interval,
    clopper_pearson,
    mean_interval,
    paired_difference,
    ratio_interval,
)

__all__ = [
    "Interval",
    "clopper_pearson",
    "crossed_difference",
    "crossed_rate",
    "mean_interval",
    "paired_difference",
    "ratio_interval",
]
