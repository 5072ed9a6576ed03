"""How often the intervals of reports hold the true value, by simulation: the tables of docs/statistics.md.

    python -m bench.coverage                # everything, about an hour; or one of rates, change, ratios, tpr, null
    python -m bench.coverage rates --times 200

The nominal level is 95 %. Flags are drawn from a logistic model: the log-odds of success of model m on record r are
a constant plus a model's effect plus a record's effect, both normal, and the true value is the mean over both.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import special, stats

from turncoat.metrics import (
    Interval,
    clopper_pearson,
    crossed_difference,
    crossed_rate,
    mean_interval,
    paired_difference,
    ratio_interval,
)
from turncoat.metrics.discoveries import calibrated, named
from turncoat.metrics.roc import Scored, at_fpr

TRIALS = (3, 5, 10, 40)
RATES = (0.002, 0.1, 0.5, 0.97)
SPREADS = {"none": 0.0, "small (0.3)": 0.3, "large (1)": 1.0, "huge (2)": 2.0}
RECORDS = 200  # test records of a trial
Draw = Callable[[np.random.Generator], tuple[Interval, Interval]]
"""From randomness to two intervals for the same value: ours, and the one that took all for independent."""


def mean_of(centre: float, spread: float) -> float:
    """The mean of a logistic function of a normal variable, by quadrature."""
    x, weight = np.polynomial.hermite_e.hermegauss(60)
    return float(special.expit(centre + spread * x) @ weight / weight.sum())


def centre_of(rate: float, spread: float) -> float:
    """The constant at which that mean is `rate`."""
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_of(middle, spread) < rate else (low, middle)
    return low


def covered(draw: Draw, true: float, times: int) -> tuple[float, float, float]:
    """How often ours holds the true value, its mean width, and how often the naive one holds it."""
    rng, found = np.random.default_rng(0), []
    for _ in range(times):
        ours, naive = draw(rng)
        held = (i.low - 1e-12 <= true <= i.high + 1e-12 for i in (ours, naive))
        found.append((*held, ours.high - ours.low))
    ours, naive, width = np.mean(np.array(found, float), 0)
    return float(ours), float(width), float(naive)


def cell(each: Sequence[tuple[float, float, float]]) -> str:
    """The lowest coverage of several cases in bold where it is under 93 %, the mean width, the naive lowest."""
    ours, naive = min(e[0] for e in each), min(e[2] for e in each)
    said = f"{100 * ours:.1f}"
    said = f"**{said}**" if ours < 0.93 else said
    return f"{said} ({np.mean([e[1] for e in each]):.3f}; {100 * naive:.0f})"


# ---- what is drawn ----------------------------------------------------------------------------------------


def flags_of(rate: float, trials: int, spread: float, difficulty: float, shared: bool) -> Draw:
    """Flags of trials that test on the same records, or on a fifth of them each."""
    centre, pool = centre_of(rate, float(np.hypot(spread, difficulty))), RECORDS * (1 if shared else 5)

    def draw(rng: np.random.Generator) -> tuple[Interval, Interval]:
        record, model = difficulty * rng.normal(size=pool), spread * rng.normal(size=(trials, 1))
        ids = np.array([rng.permutation(pool)[:RECORDS] for _ in range(trials)])
        flags = rng.random(ids.shape) < special.expit(centre + model + record[ids])
        return crossed_rate(flags, ids), clopper_pearson(int(flags.sum()), flags.size)

    return draw


def changes_of(rate: float, trials: int, spread: float, loss: float) -> tuple[Draw, float]:
    """Correct predictions before and after, which agree on four in five records but for what the attack does."""
    before, difficulty = 0.2, 2.0
    centre = centre_of(rate, float(np.hypot(before, difficulty)))
    after = mean_of(centre - loss, float(np.sqrt(before**2 + difficulty**2 + spread**2)))

    def draw(rng: np.random.Generator) -> tuple[Interval, Interval]:
        odds = centre + before * rng.normal(size=(trials, 1)) + difficulty * rng.normal(size=RECORDS)
        luck = rng.random(odds.shape)
        again = np.where(rng.random(odds.shape) < 0.8, luck, rng.random(odds.shape))
        moved = odds - loss + spread * rng.normal(size=(trials, 1))
        first, second = luck < special.expit(odds), again < special.expit(moved)
        ids = [np.arange(RECORDS)] * trials
        naive = paired_difference(first.mean(1), second.mean(1), bounds=(-1, 1))
        return crossed_difference(first, second, ids), naive

    return draw, after - rate


def scores_of(trials: int, spread: float, members: int, separation: float, fpr: float) -> tuple[Draw, float]:
    """Scores of members, new in each trial, and of 500 non-members of a pool of 1,000, normal in all parts."""
    total = float(np.sqrt(1 + 0.5**2 + spread**2))
    true = float(stats.norm.sf(stats.norm.isf(fpr) - separation / total))

    def draw(rng: np.random.Generator) -> tuple[Interval, Interval]:
        pool, model = 0.5 * rng.normal(size=1000), spread * rng.normal(size=trials)
        ids = [rng.permutation(1000)[:500] for _ in range(trials)]
        inside = [separation + model[t] + np.sqrt(1.25) * rng.normal(size=members) for t in range(trials)]
        outside = [model[t] + pool[ids[t]] + rng.normal(size=500) for t in range(trials)]
        point = at_fpr(Scored(inside, outside, None, ids), fpr)
        naive = clopper_pearson(round(point.tpr.mean * members * trials), members * trials)
        return point.tpr, naive

    return draw, true


# ---- the tables -------------------------------------------------------------------------------------------


def table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def rates(times: int) -> Iterator[str]:
    """Lowest over records that differ in difficulty or do not, and over trials that share all records or some."""

    def rows() -> Iterator[Sequence[str]]:
        for trials in TRIALS:
            for rate in RATES:
                cells = [
                    cell(
                        [
                            covered(flags_of(rate, trials, spread, difficulty, shared), rate, times)
                            for difficulty in (0.0, 2.0)
                            for shared in (True, False)
                        ]
                    )
                    for spread in SPREADS.values()
                ]
                yield str(trials), f"{rate:g}", *cells

    return table(("trials", "rate", *SPREADS), rows())


def change(times: int) -> Iterator[str]:
    """Lowest over attacks that cost nothing and that cost 0.3 in log-odds."""

    def rows() -> Iterator[Sequence[str]]:
        for trials in TRIALS:
            for rate in (0.5, 0.85, 0.98):
                cells = []
                for spread in (0.0, 0.1, 0.5):
                    draws = [changes_of(rate, trials, spread, loss) for loss in (0.0, 0.3)]
                    cells.append(cell([covered(*draw, times) for draw in draws]))
                yield str(trials), f"{rate:g}", *cells

    return table(("trials", "accuracy", "none", "small (0.1)", "large (0.5)"), rows())


def ratios(times: int) -> Iterator[str]:
    """Ratios whose logarithms are normal: the geometric mean, beside the plain t interval of the mean."""
    spreads = (0.1, 0.5, 1.0, 2.0)

    def drawn(trials: int, spread: float) -> Draw:
        def draw(rng: np.random.Generator) -> tuple[Interval, Interval]:
            values = np.exp(spread * rng.normal(size=trials))
            return ratio_interval(values), mean_interval(values / np.exp(spread**2 / 2))

        return draw

    def rows() -> Iterator[Sequence[str]]:
        for trials in TRIALS:
            yield str(trials), *(cell([covered(drawn(trials, s), 1.0, times)]) for s in spreads)

    return table(("trials", *(f"log spread {s:g}" for s in spreads)), rows())


def tpr(times: int) -> Iterator[str]:
    """The true positive rate at false positive rates of 1 and 0.1 %, 10 members a trial or 500."""

    def rows() -> Iterator[Sequence[str]]:
        for trials in TRIALS:
            for fpr, members, separation in ((0.01, 10, 2.0), (0.01, 500, 0.5), (0.001, 10, 4.0)):
                draws = [scores_of(trials, s, members, separation, fpr) for s in (0.0, 0.3, 1.0)]
                cells = [cell([covered(*draw, times)]) for draw in draws]
                yield str(trials), f"{fpr:g}", str(members), f"{draws[0][1]:.3f}", *cells

    heads = ("trials", "FPR", "members", "TPR", "none", "small (0.3)", "large (1)")
    return table(heads, rows())


def null(times: int) -> Iterator[str]:
    """Audits without any member: how many of them name a record at all, by the level at which they name."""

    def rows() -> Iterator[Sequence[str]]:
        for kind, degrees, shift, tail in (
            ("LiRA, 64 shadow models", 63, 0.0, stats.norm),
            ("the same, all records moved by 2", 63, 2.0, stats.norm),
            ("LiRA, 16 shadow models", 15, 0.0, stats.norm),
            ("Student's t, 16 shadow models", 15, 0.0, stats.t(15)),
        ):
            for held in (60, 1000):
                rng, found = np.random.default_rng(0), []
                for _ in range(times):
                    z = stats.t.rvs(degrees, size=1000 + held, random_state=rng) + shift
                    p = calibrated(-tail.logsf(z[held:]), -tail.logsf(z[:held]))
                    found.append([named(p, level).any() for level in (0.01, 0.1)])
                yield kind, str(held), *(f"{100 * share:.1f} %" for share in np.mean(found, 0))

    return table(("scores of 1,000 non-members by", "held back", "level 1 %", "level 10 %"), rows())


PARTS: dict[str, Callable[[int], Iterator[str]]] = {
    "rates": rates,
    "change": change,
    "ratios": ratios,
    "tpr": tpr,
    "null": null,
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    options.add_argument("--times", type=int, default=1000, help="simulated experiments a cell")
    chosen = options.parse_args()
    for part in chosen.parts or PARTS:
        print(f"\n{part}, {chosen.times} times\n", flush=True)
        for line in PARTS[part](chosen.times):
            print(line, flush=True)


if __name__ == "__main__":
    main()
