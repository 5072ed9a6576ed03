"""Flips at the ANDs inside a comparison, against a simulation of the same circuit on the same shares."""

from collections.abc import Iterator
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import turncoat as tc
from turncoat import engines
from turncoat.adversary import activations, strategies
from turncoat.engines.replicated import Replicated
from turncoat.engines.replicated.bill import bill
from turncoat.jobs import models

LANES = {
    "lt": {"and1": 63, "and2": 63, "and3": 63, "and4": 31, "and5": 15, "and6": 7, "and7": 3},
    "eq": {"and1": 63, "and2": 32, "and3": 16, "and4": 8, "and5": 4, "and6": 2},
}
SITES = {"lt": "compare", "eq": "compare#2"}  # of the program below
EVERY = [
    (kind, gate, lane) for kind, gates in LANES.items() for gate, n in gates.items() for lane in range(n)
]
PARTY = pytest.mark.parametrize("corrupt", [0, 1, 2])
RNG = np.random.default_rng(0)
EDGES = [0, 1, -1, 2, -2, 2**18, -(2**18), 2**31, 2**62 - 1, -(2**62), 2**63 - 1, -(2**63)]
X = np.array([*EDGES, *RNG.integers(-(2**20), 2**20, 12), *RNG.integers(-(2**63), 2**63 - 1, 4)], np.int64)
Y = np.array([*EDGES[::-1], *(X[12:20] + RNG.integers(-9, 9, 8)), *X[20:24], *X[24:] // 3], np.int64)
DIFFERENCE = X - Y  # modulo 2^64, as the ring has it
GATED = "replicated:gates=true"


@pytest.fixture(autouse=True)
def _sixty_four_bits() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


# ---- the circuits, bit by bit on clear shares --------------------------------------------------------------


def binary(words):
    """(n, 64) bits, the least first."""
    return [(words >> np.uint64(i)) & np.uint64(1) == 1 for i in range(64)]


def two_numbers(shares, flips):
    """Three shares as two numbers of the same sum: full adders in all bits, their carries moved up."""
    a, b, c = (binary(s) for s in shares)
    ones = [i ^ j ^ k for i, j, k in zip(a, b, c, strict=True)]
    carries = [(a[i] & b[i] | a[i] & c[i] | b[i] & c[i]) ^ flips[:, i] for i in range(63)]
    return ones, [np.zeros(len(flips), bool), *carries]


def simulated_sign(shares, flips):
    """Whether the sum of the shares has its top bit set, by a tree over (makes a carry, passes one on)."""
    s, t = two_numbers(shares, flips["and1"])
    nothing = np.zeros(len(s[0]), bool)
    blocks = [(nothing, nothing)]
    blocks += [((s[i] & t[i]) ^ flips["and2"][:, i], s[i] ^ t[i]) for i in range(63)]
    for level in range(3, 9):
        # the lanes of a level: the lowest block's carry, then of each block whether it passes, and its carry
        lanes = iter(flips[f"and{level}"].T if level < 8 else [nothing])
        joined = []
        for (low_makes, low_passes), (makes, passes) in zip(blocks[::2], blocks[1::2], strict=True):
            both = (passes & low_passes) ^ next(lanes) if joined else nothing
            joined.append((makes ^ (passes & low_makes) ^ next(lanes), both))
        assert not list(lanes)
        blocks = joined
    return s[63] ^ t[63] ^ blocks[0][0]


def simulated_zero(shares, flips):
    """Whether the shares add up to zero: whether two numbers whose sum is -1 differ in all bits."""
    s, t = two_numbers([shares[0] - np.uint64(1), *shares[1:]], flips["and1"])
    differ = [i ^ j for i, j in zip(s, t, strict=True)]
    for level in range(2, 8):
        half = len(differ) // 2
        errors = flips[f"and{level}"].T if level < 7 else [np.zeros(len(s[0]), bool)]
        differ = [differ[i] & differ[i + half] ^ errors[i] for i in range(half)]
    return differ[0]


def simulated(kind, shares, flips):
    with np.errstate(over="ignore"):
        return (simulated_sign if kind == "lt" else simulated_zero)(shares, flips)


# ---- the engine against them -------------------------------------------------------------------------------


def compared(x, y):
    return {"lt": x < y, "eq": x == y}


def nowhere():
    return {kind: {g: np.zeros((len(X), n), bool) for g, n in gates.items()} for kind, gates in LANES.items()}


def named(flips):
    return {f"{SITES[kind]}/{gate}": f for kind, gates in flips.items() for gate, f in gates.items()}


@cache
def ready(corrupt, copies=False):
    """`(shares of x - y, run)`: `run` takes flips by site, with a leading axis, to bits and who aborted."""
    engine = Replicated(corrupt, gates=True, copies=copies)
    secured, shared = tc.secure(compared, engine=engine), tc.share((X, Y), engine)

    def run(flips):
        out = secured(*shared, errors=tc.Errors(flips))
        return tc.reveal(out), jnp.stack([out[kind].wire.aborted for kind in LANES])

    return np.asarray(shared[0].wire.own) - np.asarray(shared[1].wire.own), jax.jit(jax.vmap(run))


def as_simulated(corrupt, rows, copies=False):
    """Runs flips row by row, and holds them to the simulation; returns the bits and who aborted."""
    shares, run = ready(corrupt, copies)
    stacked = {name: np.stack([named(r)[name] for r in rows]) for name in named(rows[0])}
    bits, aborted = jax.tree.map(np.asarray, run(stacked))
    for i, flips in enumerate(rows):
        for kind in LANES:
            np.testing.assert_array_equal(bits[kind][i], simulated(kind, shares, flips[kind]))
    return bits, aborted


def test_the_simulation_without_flips_is_a_comparison():
    shares, _ = ready(1)
    np.testing.assert_array_equal(simulated("lt", shares, nowhere()["lt"]), DIFFERENCE < 0)
    np.testing.assert_array_equal(simulated("eq", shares, nowhere()["eq"]), DIFFERENCE == 0)


@PARTY
def test_a_flip_in_any_lane_of_any_gate_does_what_it_does_in_the_clear(corrupt):
    rows = [nowhere() for _ in EVERY]
    for flips, (kind, gate, lane) in zip(rows, EVERY, strict=True):
        flips[kind][gate][:, lane] = True
    bits, _ = as_simulated(corrupt, rows)
    honest = {"lt": DIFFERENCE < 0, "eq": DIFFERENCE == 0}
    for i, (kind, gate, lane) in enumerate(EVERY):
        changed = bits[kind][i] != honest[kind]
        if kind == "eq":
            assert changed[honest["eq"]].all()  # a flip anywhere makes equal numbers unequal
        elif lane == LANES["lt"][gate] - 1:
            assert changed.all()  # the highest lane of every gate has the carry into the sign
        other = "eq" if kind == "lt" else "lt"
        np.testing.assert_array_equal(bits[other][i], honest[other])


@PARTY
def test_no_honest_party_sees_a_flip(corrupt):
    rng = np.random.default_rng(corrupt)
    rows = [
        {kind: {g: rng.random(f.shape) < p for g, f in gates.items()} for kind, gates in nowhere().items()}
        for p in (0.01, 0.1, 0.5, 1.0)
    ]
    bits, aborted = as_simulated(corrupt, rows, copies=True)
    assert aborted.shape == (4, 2, 3) and not aborted.any()
    assert any((bits["lt"][i] != (DIFFERENCE < 0)).any() for i in range(4))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(EVERY), st.integers(0, len(X) - 1)), min_size=1, max_size=12))
def test_any_flips_together_do_what_they_do_in_the_clear(chosen):
    with jax.enable_x64(True):
        flips = nowhere()
        for (kind, gate, lane), entry in chosen:
            flips[kind][gate][entry, lane] ^= True
        bits, _ = as_simulated(2, [flips, nowhere()])
        touched = {entry for _, entry in chosen}
        for kind in LANES:
            assert set(np.flatnonzero(bits[kind][0] != bits[kind][1])) <= touched


# ---- sites -------------------------------------------------------------------------------------------------


def test_gates_stand_under_their_comparison_and_before_it():
    surface = tc.secure(compared, engine=GATED).surface(X, Y)
    expected = [name for kind, bit in SITES.items() for name in (*(f"{bit}/{g}" for g in LANES[kind]), bit)]
    assert [s.name for s in surface] == expected
    for kind, gates in LANES.items():
        for gate, lanes in gates.items():
            site = surface[f"{SITES[kind]}/{gate}"]
            assert (site.kind, site.shape, site.dtype) == ("gate", (len(X), lanes), np.bool_)
            assert {str(r) for r in surface.exposure[site.name].values()} == {"bent"}
            assert surface.exposure[site.name].keys() == {kind}
    assert {str(r) for r in surface.exposure["compare"].values()} == {"shift"}
    assert surface.find(kind="gate") == [n for n in expected if "/" in n]


def test_a_comparison_made_once_has_its_gates_once():
    surface = tc.secure(lambda x, y: (x < y, y > x, x < y + 1), engine=GATED).surface(X, Y)
    assert surface.find(kind="bit") == ["compare", "compare#2"]
    assert len(surface.find(kind="gate")) == 14 and "compare#2/and7" in surface.sites


def test_a_gate_cannot_be_observed_nor_flipped_by_numbers():
    secured = tc.secure(compared, engine=GATED)
    with pytest.raises(tc.Refusal, match="'compare/and3' lies inside a comparison: observe 'compare' itself"):
        secured(X, Y, observe=["compare/and3"])
    with pytest.raises(tc.Refusal, match="'compare/and3' is a bit"):
        secured(X, Y, errors={"compare/and3": np.ones((len(X), 63))})
    with pytest.raises(tc.Refusal, match="no site 'compare/and3' here"):
        tc.secure(compared, engine="replicated")(X, Y, errors={"compare/and3": np.ones((len(X), 63), bool)})


def relus(x, rows):
    return lax.scan(lambda c, r: (jnp.where(c * r > 0.0, c * r, 0.25), c), x, rows)[1]


def test_in_a_loop_a_gate_has_an_error_of_its_own_in_each_pass():
    x, rows = np.array([1.0, 2.0, -1.0]), np.array([[1.0, -1.0, 2.0], [0.5, 2.0, 1.0], [2.0, 1.0, -1.0]])
    secured = tc.secure(relus, engine=GATED)
    surface = secured.surface(x, rows)
    (bit,) = surface.find(kind="bit")
    names = [*surface.find(kind="gate"), bit]
    errors = {n: np.zeros((len(names) + 1, *surface[n].full_shape), bool) for n in names}
    for i, name in enumerate(names[:-1]):
        errors[name][i, 1, :2, -1] = True  # its highest lane flips every comparison
    errors[bit][-2, 1, :2] = True
    *by_gates, by_bit, honest = np.asarray(jax.jit(jax.vmap(lambda e: secured(x, rows, errors=e)))(errors))
    assert len(by_gates) == 7
    for out in by_gates:
        np.testing.assert_array_equal(out, by_bit)
    np.testing.assert_array_equal(honest != by_bit, [[False] * 3, [False] * 3, [True, True, False]])


# ---- what stays as it is without errors --------------------------------------------------------------------


def step():
    model, rng = models.mlp(4, 3, (5,)), np.random.default_rng(0)
    x = jnp.asarray(rng.random((6, 4), np.float32))
    return model.step, (model.init(jax.random.key(0)), x, model.encode(np.arange(6) % 3))


@cache
def surfaces():
    f, args = step()
    return [tc.secure(f, protocol="crypten", engine=e).surface(*args) for e in ("replicated", GATED)]


def test_without_errors_the_program_is_the_same_and_so_is_its_bill():
    texts, bills = [], []
    for name in ("replicated", GATED):
        engine = engines.get(name)
        secured = tc.secure(lambda x, y: jnp.where(x == y, x * y, jnp.maximum(x, y)), engine=engine)
        shared = tc.share((X / 2**20, Y / 2**20), engine)
        texts.append(jax.jit(lambda *a, s=secured: [v.wire for v in [s(*a)]]).lower(*shared).as_text())
        bills.append(bill(secured, X / 2**20, Y / 2**20))
    assert texts[0] == texts[1]
    assert bills[0] == bills[1]


def test_the_other_sites_and_what_they_do_stay_as_they_are():
    plain, gated = surfaces()
    others = [s for s in gated if s.kind != "gate"]
    assert [s.describe() for s in others] == [s.describe() for s in plain]
    assert {s.name: gated.exposure[s.name] for s in others} == plain.exposure
    assert plain.notes == gated.notes and plain.shiftable() == gated.shiftable()
    assert sum(s.multiplications for s in gated) == sum(s.multiplications for s in plain)


def test_an_adversary_finds_the_same_comparisons_beside_gates():
    found = []
    for surface in surfaces():
        relus, hinge = strategies.gates(surface, 6)
        softmax = activations.activation(surface, "softmax")
        found.append(([r.sites for r in relus], hinge, relus[0].input, softmax.bits, softmax.output))
        found[-1] += (sorted(activations.flip(softmax, 0)), strategies.loss_derivative(surface, 6))
    assert found[0] == found[1] and found[0][0] and found[0][3]


def test_the_engine_is_named_and_made_by_its_option():
    assert engines.get(GATED).name == GATED and "gate" in engines.get(GATED).kinds
    assert "gate" not in engines.get("replicated:gates=false").kinds
    with pytest.raises(tc.Refusal, match="takes true or false"):
        engines.get("replicated:gates=3")
