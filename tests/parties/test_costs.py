"""The bill of a step is the sum of its entries by kind: what `bench.live_costs` explains an engine's bytes by."""

import jax
import pytest
from bench.live_costs import KINDS, MODELS, billed, entries, training

from turncoat import engines
from turncoat.engines.replicated.bill import bill


@pytest.fixture(scope="module")
def ours():
    with jax.numpy_dtype_promotion("strict"):
        return billed()


def test_an_entry_costs_what_three_parties_send_for_it(ours):
    # a product: one word from each; a truncation: an opening; a selection: two products of its bit, and one
    assert (ours["product"], ours["truncation"], ours["selection"]) == (24, 24, 72)
    assert 90 < ours["comparison"] < 100


@pytest.mark.parametrize("model", MODELS)
def test_the_bill_of_a_step_is_that_of_its_entries(model, ours):
    with jax.numpy_dtype_promotion("strict"):
        deployed, tape, _ = training(MODELS[model], 1)
        args, more = deployed.shapes(deployed.records)
        whole = bill(deployed.on(engines.get("replicated")).secured, *args, **more).total.bytes
    count = entries(tape)
    assert sum(count[kind] * ours[kind] for kind in KINDS) == pytest.approx(whole, rel=1e-9)
    assert min(count[kind] for kind in KINDS) > 100
