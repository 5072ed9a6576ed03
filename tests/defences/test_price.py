"""What a defence costs, by hand, and the matrix of attacks against defences on a small job."""

from itertools import cycle
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import defences
from turncoat.defences.check import Check
from turncoat.defences.defence import Defence
from turncoat.defences.price import price, proof_rounds
from turncoat.engines.replicated.bill import bill
from turncoat.engines.replicated.checks.plan import Counts
from turncoat.experiments import overhead
from turncoat.experiments.adaptive import Effort
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.matrix import defend
from turncoat.experiments.overhead import proving, timed
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup


def twice(w, x):
    with jax.named_scope("forward"):
        z = x @ w
    return jnp.where(z > 0, z, 0.0)


def test_a_price_by_hand():
    """x (4, 5) times w (5, 3): 12 entries; then a comparison, two products of its bit's conversion, and a select."""
    w, x = jax.ShapeDtypeStruct((5, 3), np.float32), jax.ShapeDtypeStruct((4, 5), np.float32)
    f = tc.secure(twice, protocol="secureml", engine="replicated:check=all")
    surface, found = f.surface(w, x), bill(f, w, x)
    compare = next(found.sites[n].bytes for n in surface.sites if surface[n].is_bit)
    assert found.total.bytes == 12 * (24 + 24) + compare + 12 * 24 * 3
    priced = {
        n: price(defences.get(n), surface, found)
        for n in ("nothing", "matrices", "everything", "sampled:alpha=0.5")
    }
    assert priced["nothing"].bytes == 0 and priced["nothing"].factor == 1 and priced["nothing"].latest is None
    assert priced["matrices"].bytes == 12 * 54
    assert priced["everything"].bytes == 12 * 54 * 4 + 11 * compare
    assert priced["sampled:alpha=0.5"].bytes == priced["everything"].bytes / 2
    assert (priced["matrices"].multiplications, priced["matrices"].messages) == (60, 12)
    assert priced["everything"].all == priced["everything"].multiplications == 60 + 12 * 4
    # proofs: of 10 pairs, in halvings of 11; with 36 products in 32 pieces, of 15; of 48 ANDs, in 32 pieces, of 4
    # words' 257 bits; 32 pieces take 5. Each takes two rounds, the seed and the last pair one
    online = found.total.rounds
    rounds = {name: one.rounds for name, one in priced.items()}
    assert (rounds["nothing"], rounds["matrices"], rounds["everything"]) == (
        0,
        2 * 4 + 2,
        2 * (5 + 9) + 2,
    )
    assert priced["everything"].round_factor == 1 + 30 / online
    again = price(Defence("again", results=True), surface, found)
    assert (again.round_factor, again.factor) == (2, 2)


@pytest.mark.parametrize(
    ("when", "rounds"),
    [
        ("use", 10 + 10 + 16),  # a proof for each of the sites
        ("step", 2 * (5 + 5) + 2),  # one of 20 pairs and 8 products in 32 pieces: of 23
        ("end", (2 * (5 + 6) + 2) / 3),  # one for three steps, of 60 pairs and 24 products: of 63
    ],
)
def test_rounds_of_proofs_by_when_they_are_made(when, rounds):
    """Two matrix products with 10 pairs each, halved 4 times; and 8 products in 32 pieces, halved twice."""
    made = {"first": Counts(pairs=10), "second": Counts(pairs=10), "third": Counts(words=8)}
    bill = SimpleNamespace(proved=made)
    policy = {name: Check(1.0, when) for name in made} | {"other": Check(0.0)}
    assert proof_rounds(policy, bill, 3) == pytest.approx(rounds)


WHOLE = "replicated:check=all"
# the defence, the engine that proves what it checks of softmax regression
PROVED = [
    ("nothing", "replicated"),
    ("everything", WHOLE),
    ("checked:sites=dense0/*", f"{WHOLE},sites=dense0/grad_weights dense0/product"),
    ("matrices", f"{WHOLE},sites=dense0/grad_weights dense0/product"),
    ("sampled-matrices:alpha=0.25", "replicated:check=0.25"),
    ("sampled:alpha=0.25", None),
    ("checked:sites=dense0/product,alpha=0.25", None),
]


@pytest.fixture(scope="module")
def softmax():
    return Setup(protocol="secureml", epochs=1).deployed()


@pytest.mark.parametrize(("name", "engine"), PROVED)
def test_the_engine_that_proves_what_a_defence_checks(softmax, name, engine):
    surface = Deployed.of(softmax.job, "secureml", WHOLE).surface(softmax.records)
    shares = {site: check.share for site, check in defences.get(name).policy(surface).items()}
    found = proving(shares, surface)
    assert found == engine
    if engine is not None:
        tc.engines.get(engine)


def test_time_is_that_of_pairs_of_runs_with_proofs_and_without(softmax, monkeypatch):
    """A clock says 2 and 5 in turn; a second training takes as long again, what no engine proves has no time."""
    clock = cycle((2.0, 5.0))
    monkeypatch.setattr(overhead, "_seconds", lambda run: next(clock))
    found = {name: timed(defences.get(name), softmax) for name in ("matrices", "second-run", "sampled")}
    assert found == {"matrices": 2.5, "second-run": 5.0, "sampled": None}
    assert timed(defences.get("matrices"), Setup(protocol="exact", epochs=1).deployed()) is None


def test_the_matrix_says_what_runs_under_each_defence_show():
    """`reconstruction` scales, `backdoor` shifts; runs under the same defences have the same expected outcome."""
    job = Setup(protocol="exact", epochs=1)
    against = ("everything", "loss", "matrices", "sampled:alpha=0.3")
    found = defend(job.deployed(), ("backdoor", "reconstruction", "deposit"), against, Effort(2, again=False))
    rows = {row.attack: row for row in found.rows}
    assert set(rows) == {"backdoor", "reconstruction"} and "deposit" in found.refused
    for name, row in (("reconstruction", rows["reconstruction"]),):
        for defence in ("loss", "sampled:alpha=0.3"):
            cell = row.cells[defence]
            one = run(Experiment(name, Setup(protocol="exact", epochs=1, defence=defence), {}, 2))
            assert one.defence.expected.mean == pytest.approx(cell.detected.mean, abs=1e-9)
            assert one.defence.messages == row.messages
            assert cell.success.mean == pytest.approx(row.passive.mean * (1 - cell.detected.mean))
            assert cell.success.low <= cell.success.mean <= cell.success.high
    assert rows["reconstruction"].messages == 1 and rows["reconstruction"].sites == ("softmax",)
    assert found.strongest("loss").attack == "backdoor" or rows["backdoor"].passive.mean == 0
    assert found.strongest("matrices").attack == "reconstruction"
    factors = [one.factor for one in found.defences]
    assert factors == [None] * 4  # `exact` is of no engine that sends anything


def test_prices_stand_beside_a_job_that_runs_in_shares():
    found = defend(
        Setup(protocol="secureml", epochs=1).deployed(), (), ("nothing", "everything"), Effort(1, again=False)
    )
    nothing, everything = found.defences
    assert nothing.factor == 1 and nothing.looked_at == 0 and everything.looked_at == 1
    assert nothing.rounds == 1 and 1 < everything.rounds < 2 and nothing.time is everything.time is None
    assert 2 < everything.factor < 12


def test_a_measure_is_rehearsed_with_and_may_leave_an_attack_no_way_in():
    """A sparse shift goes in behind the bound; a reconstruction wants a site whose error is scaled by one record."""
    against = ("clip-entries:largest=0.05", "clip-entries:largest=0.05+checked:sites=bound/*")
    job = Setup(protocol="exact", epochs=1).deployed()
    found = defend(job, ("sparse-backdoor", "reconstruction"), against, Effort(2, again=False))
    sparse = next(row for row in found.rows if row.attack == "sparse-backdoor")
    assert sparse.cells[against[0]].success.mean > 0.9 and sparse.cells[against[0]].detected.mean == 0
    assert sparse.cells[against[1]].detected.mean > 0.99  # it was not planned with that check in mind
    rest = next(row for row in found.rows if row.attack == "reconstruction")
    assert set(rest.unable) == set(against) and found.strongest(against[1]).attack == sparse.attack
