"""Of some sites alone it is proved that their messages were right, with what stands inside them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat import engines
from turncoat.engines.replicated import failed
from turncoat.engines.replicated.bill import bill
from turncoat.refusal import Refusal

X = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)


def program(x, w):
    with jax.named_scope("first"):
        z = x @ w
    return jax.nn.relu(z) * z


SITES = tc.secure(program, protocol="secureml", engine="replicated").surface(X, W)
TRIED = ("first/dot", "max/compare", "max/select/xor2", "mul")
"""Where an error is made, in turn."""
# sites to prove, and where an error is found
CASES = [
    ("first/dot", {"first/dot"}),
    ("max/select mul", {"max/select/xor2", "mul"}),
    ("max/comp*", {"max/compare"}),
]


def errors(at):
    """Errors of one in each entry of a site, and zeros at the other ones: one program serves them all."""
    return {n: jnp.full(SITES[n].shape, n == at, SITES[n].dtype) for n in TRIED}


@pytest.mark.parametrize(("sites", "found"), CASES)
def test_errors_are_found_at_the_sites_that_are_proved_and_at_no_others(sites, found):
    engine = engines.get(f"replicated:check=all,sites={sites}")
    secured = tc.secure(program, protocol="secureml", engine=engine)
    args = tc.share((X, W), engine, jax.random.key(0))
    run = jax.jit(lambda made: failed(secured(*args, randomness=jax.random.key(1), errors=made)))
    flags = {at: np.asarray(run(errors(at))).tolist() for at in (*TRIED, "")}
    assert flags == {at: [False, at in found, False] for at in flags}


@pytest.mark.parametrize(
    ("sites", "words", "lanes", "pairs"),
    [("first/dot", 0, 0, 10), ("mul", 12, 0, 0), ("max/select", 36, 0, 0), ("max/*", 36, 48, 0)],
)
def test_the_bill_counts_what_is_proved(sites, words, lanes, pairs):
    """12 entries; a comparison is four words of ANDs each, a select three products; (4, 5) times (5, 3): 10 pairs."""
    engine = engines.get(f"replicated:check=all,sites={sites}")
    counts = bill(tc.secure(program, protocol="secureml", engine=engine), X, W).proof.counts
    assert (counts.words, counts.lanes, counts.pairs) == (words, lanes, pairs)
    assert engines.get(engine.name).policy == engine.policy


def test_what_enters_a_proof_is_counted_by_site():
    engine = engines.get("replicated:check=all")
    found = bill(tc.secure(program, protocol="secureml", engine=engine), X, W)
    assert {n: c.words + c.lanes + c.pairs for n, c in found.proved.items()} == {
        "first/dot": 10, "max/compare": 48, "max/select/xor1": 12, "max/select/xor2": 12, "max/select": 12, "mul": 12,
    }  # fmt: skip
    assert sum(found.proved.values(), start=type(found.proof.counts)()) == found.proof.counts


def test_sites_that_are_not_there_are_refused():
    engine = engines.get("replicated:check=all,sites=mul second/dot")
    args = tc.share((X, W), engine, jax.random.key(0))
    with pytest.raises(Refusal, match=r"no products or ANDs stand at 'second/dot'.*nearest are 'first/dot'"):
        tc.secure(program, protocol="secureml", engine=engine)(*args, randomness=jax.random.key(1))
    with pytest.raises(Refusal, match="give check=all as well"):
        engines.get("replicated:sites=mul")
