"""Statistics on plain arrays of scores and predictions; they know no model.

The one way from arrays to an interval is `rate` (flags), `mean_interval` (one value a trial) or
`paired_difference` (two values a trial), each an `Interval`; `results.values.Measured.of` is its typed value.
"""

from turncoat.metrics.rates import Interval, clopper_pearson, mean_interval, paired_difference, rate

__all__ = ["Interval", "clopper_pearson", "mean_interval", "paired_difference", "rate"]
