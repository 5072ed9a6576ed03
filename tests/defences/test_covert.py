"""Covert security of every defence, and the prices of frameworks, by hand."""

from pathlib import Path

import numpy as np
import pytest
from bench.covert import rows

from defences.test_defences import SURFACES
from turncoat import defences
from turncoat.core.sites import Site
from turncoat.defences import framework
from turncoat.defences.covert import covert
from turncoat.defences.measures import Measure
from turncoat.engines.replicated.checks.plan import Counts
from turncoat.engines.replicated.costs import Cost
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

MISS = 2.0**-40
# deterrence, the best probability, whether some site is open, suspects
TABLE = {
    "nothing": (0.0, 0.0, True, 0),
    "everything": (1 - MISS, 1 - MISS, False, 2),
    "matrices": (0.0, 1 - MISS, True, 2),
    "loss": (0.0, 1 - MISS, True, 2),
    "sampled": (1.85e-5 - MISS, 1.85e-5 - MISS, False, 2),
    "sampled-matrices": (0.01 - MISS, 1 - MISS, False, 2),
    "checked": (1 - MISS, 1 - MISS, False, 2),
}


@pytest.mark.parametrize("name", defences.CATALOGUE)
def test_the_deterrence_factor_of_each_defence(name):
    surface = SURFACES["mlp"]
    defence = defences.get(name)
    found = covert(defence, defence.policy(surface))
    deterrence, best, some, suspects = TABLE.get(name, TABLE["nothing"])
    assert name in TABLE or all(isinstance(m, Measure) for m in defence.measures)
    assert (found.deterrence, found.best) == pytest.approx((deterrence, best), abs=1e-15)
    assert (found.open > 0, found.suspects) == (some, suspects)
    assert found.secure == (deterrence > 0) and found.sites == len(surface)
    assert ("nobody" in found.names) == (suspects == 0) and bool(found.latest) == (suspects > 0)


def test_the_page_has_the_table_that_the_command_prints():
    text = (Path(__file__).parents[2] / "docs" / "defences.md").read_text()
    for row in rows(Setup()):
        assert "| " + " | ".join(row) + " |" in text


PRODUCT = Site("w", "product", (2, 3), np.dtype(np.float32), 30)
COMPARED = Site("b", "bit", (6,), np.dtype(bool), 6)


@pytest.mark.parametrize(
    ("name", "product", "conjunctions"),
    [
        ("sy-rep-ring", 6 * (78 - 24), 11 * 80),
        ("ps-rep-ring", 30 * 117 - 6 * 24, 11 * 80),
        ("mal-rep-ring", 30 * 165 - 6 * 24, 11 * 80),
        ("rep4-ring", 6 * (48 - 24), 80),
        ("replicated", 20, 24),
    ],
)
def test_prices_by_hand(name, product, conjunctions):
    """A product of (2, 5) and (5, 3): 6 entries, 30 terms; comparisons that send 80 bytes passively."""
    one = framework.get(name)
    assert one.verified(PRODUCT, Cost(), Counts(pairs=20)) == product
    assert one.verified(COMPARED, Cost(bytes=80), Counts(lanes=24)) == pytest.approx(conjunctions)


def test_a_framework_that_there_is_not():
    with pytest.raises(Refusal, match="no prices of 'sy-rep'; the nearest are 'sy-rep-ring'"):
        framework.get("sy-rep")
    assert framework.remark("crypten-paper").startswith("CrypTen") and framework.remark("exact") == ""
