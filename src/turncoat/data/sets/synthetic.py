"""Seeded stand-ins for the two data sets that may not be at hand; never to be taken for the originals.

The records cluster as the originals' do: every class is a prototype, a rate for each binary feature. The
prototypes are the population's rates, moved on the log-odds scale by a normal draw of standard deviation
`spread`. A record also has an activity of its own (some shoppers buy more of everything) that says nothing
about its class. `spread` is set so that softmax regression reaches about the accuracy that the paper reports
on the originals (Table 3).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from turncoat.data.dataset import Dataset
from turncoat.data.source import MadeSource

_ROWS_AT_ONCE = 4096
_ACTIVITY = 0.5  # standard deviation of a record's activity, log-odds
_EVENNESS = 10.0  # of the class sizes: they vary by about a third, as in location30


@dataclass(frozen=True)
class Recipe:
    """What a stand-in is drawn from; `mean` and `deviation` are those of the population's log-odds."""

    name: str
    records: int
    features: int
    classes: int
    mean: float
    deviation: float
    spread: float


PURCHASE = Recipe("purchase100-like", 80_000, 600, 100, mean=-2.0, deviation=1.0, spread=0.435)
TEXAS = Recipe("texas100-like", 67_330, 6169, 100, mean=-5.5, deviation=1.5, spread=0.485)


def draw(recipe: Recipe, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features float32 (n, d), 0 or 1, and labels int32 (n,); the same seed gives the same records.

    Measured with seeds 0 and 1: softmax regression trained on the victim part (SGD, batches of 100, 20
    epochs, learning rate 0.3) has test accuracy 0.700 and 0.685 on purchase100-like, 0.618 and 0.610 on
    texas100-like (on the training records 0.94, 0.93, 0.96 and 0.96); the paper reports 0.70 and 0.61 for
    the originals.
    """
    rng = np.random.default_rng(seed)
    population = rng.normal(recipe.mean, recipe.deviation, recipe.features)
    shift = recipe.spread * rng.standard_normal((recipe.classes, recipe.features))
    prototypes = (population + shift).astype(np.float32)
    weights = rng.dirichlet(np.full(recipe.classes, _EVENNESS))
    y = rng.choice(recipe.classes, recipe.records, p=weights).astype(np.int32)
    x = np.empty((recipe.records, recipe.features), np.float32)
    for start in range(0, recipe.records, _ROWS_AT_ONCE):
        labels = y[start : start + _ROWS_AT_ONCE]
        activity = np.float32(_ACTIVITY) * rng.standard_normal((len(labels), 1), dtype=np.float32)
        rates = 1 / (1 + np.exp(-(prototypes[labels] + activity)))
        x[start : start + len(labels)] = rng.random(rates.shape, dtype=np.float32) < rates
    return x, y


def make(recipe: Recipe, seed: int) -> Dataset:
    """The stand-in drawn with `seed`, labelled as one."""
    x, y = draw(recipe, seed)
    source = f"synthetic, seed {seed}: drawn by Turncoat, not the original data"
    return Dataset(recipe.name, x, y, recipe.classes, (recipe.features,), source, (0.0, 1.0), stand_in=True)


def _source(recipe: Recipe, original: str) -> MadeSource:
    origin = f"synthetic stand-in for {original}: class prototypes drawn from a seed"
    return MadeSource(
        recipe.name,
        "synthetic stand-in",
        records=recipe.records,
        features=recipe.features,
        classes=recipe.classes,
        origin=origin,
        kind="synthetic",
        make=partial(make, recipe),
    )


PURCHASE100_LIKE = _source(PURCHASE, "purchase100")
TEXAS100_LIKE = _source(TEXAS, "texas100")
