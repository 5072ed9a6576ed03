"""How reports write numbers: percentages, intervals, durations, counts."""

from collections.abc import Sequence
from math import prod

from turncoat.results.audit import SiteRow
from turncoat.results.sentences import MINUS
from turncoat.results.values import Measured

TIMES = "\u00d7"
ARROW = "\u2192"
ONE_TRIAL = "one trial: no interval"


def percent(fraction: float) -> str:
    """0.8312 as 83.1%; near 0 and 1 with two decimals, and 0% or 100% only where that is exact."""
    size = abs(100 * fraction)
    sign = MINUS if fraction < 0 else ""
    if 0 < size < 0.01:
        return f"{MINUS}<0.01%" if fraction < 0 else "<0.01%"
    if 99.99 < size < 100:
        return f"{sign}>99.99%"
    return f"{sign}{size:.{_decimals(size)}f}%"


def span(measured: Measured) -> str:
    """The interval as `82.9 to 83.3%`, or a remark where one trial allows none."""
    if measured.count == 1 and measured.low == measured.high:
        return ONE_TRIAL
    low, high = percent(measured.low), percent(measured.high)
    return f"{low.removesuffix('%')} to {high}"


def plain(value: float) -> str:
    """A number without a unit, to three significant digits."""
    return f"{value:.3g}".replace("-", MINUS)


def plain_span(measured: Measured) -> str:
    """The interval of a number without a unit, as `0.015 to 0.019`."""
    if measured.count == 1 and measured.low == measured.high:
        return ONE_TRIAL
    return f"{plain(measured.low)} to {plain(measured.high)}"


def duration(seconds: float) -> str:
    """0.42 s, 7.5 s, 3 min 20 s or 1 h 12 min."""
    if seconds < 9.95:
        return f"{seconds:.2g} s" if seconds >= 0.01 else "under 0.01 s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 trial`, `10 trials`, `12,000 products`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def whole(number: int) -> str:
    """12000 as 12,000."""
    return f"{number:,}"


def change(before: float, after: float) -> str:
    """Two fractions as `0.40% -> 99.96%`, with an arrow."""
    return f"{percent(before)} {ARROW} {percent(after)}"


def products(row: SiteRow) -> str:
    """The multiplications of one pass, times the lengths of the loops around the site."""
    return f" {TIMES} ".join(f"{n:,}" for n in (row.products, *row.loops))


def products_of(rows: Sequence[SiteRow]) -> str:
    """The multiplications of several sites, added up; of one as `products` gives them."""
    if len(rows) == 1:
        return products(rows[0])
    return f"{sum(prod(row.loops, start=row.products) for row in rows):,}"


def places(row: SiteRow) -> str:
    """Where a site stands: its phase, and the line of the source where that is known."""
    return f"{row.phase}, {row.line}" if row.line and "unknown" not in row.line else row.phase


def shape(row: SiteRow) -> str:
    """The shape as `784 x 10`, or `one number`."""
    return f" {TIMES} ".join(str(n) for n in row.shape) or "one number"


def _decimals(size: float) -> int:
    if size in (0, 100):
        return 0
    return 2 if size < 1 or 99 < size < 100 else 1
