"""Where products are checked, the same errors end in an abort, whoever is corrupt, and an honest run goes through."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from turncoat.core.errors import Errors
from turncoat.experiments import active
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.loop import Schedule, Tampering, train
from turncoat.parties import backends, launcher, session

X = np.random.default_rng(0).random((40, 4)).astype(np.float32)
Y = (X.sum(1) > 2).astype(np.int32)


def step(state, x, y):
    return state - 0.1 * (x.T @ (x @ state - y))


JOB = tc.Job("least squares", lambda key: jnp.zeros((4, 2)), step, lambda w, x: x @ w, (X, Y), 4, 1)
ORDER = Schedule(np.arange(4).reshape(1, 4), jax.random.key(0))
GIVEN = np.zeros((4, 2), np.float32), jnp.asarray(X[:4]), jax.nn.one_hot(Y[:4], 2), ORDER


def tamper(plan, info):
    return Errors({"dot": jnp.asarray(plan)})


@pytest.fixture(scope="module")
def run():
    """An attacked trial and its predictions, as `confirm` hands them on."""
    deployed = Deployed.of(JOB, "crypten", "reals")
    tampering = Tampering(tamper, np.full((4, 2), 0.5, np.float32))
    models = [train(deployed.step, *GIVEN, t)[0] for t in (None, tampering)]
    attacked = SimpleNamespace(
        trial=SimpleNamespace(deployed=deployed, arguments=lambda: GIVEN),
        arguments=lambda: (GIVEN, tampering, None),
    )
    recorded = SimpleNamespace(tape=None, inputs={}, errors={1: 2}, released=lambda revealed: revealed)
    return attacked, [SimpleNamespace(model=m, allowed=1e-4, recorded=recorded) for m in models]


def test_the_simulator_aborts_for_each_corrupt_party_and_lets_honest_ones_through(run):
    attacked, both = run
    found = active.endings(session.Session(backends.MPYC), attacked, both, lambda *_: None)
    assert [(one.corrupt, one.aborted, one.honest) for one in found] == [(i, True, True) for i in range(3)]
    assert [one.said for one in found] == [f"the proof of party {i} failed" for i in range(3)]


def test_an_attack_without_errors_is_not_said_to_be_aborted(run):
    attacked, both = run
    nothing = Tampering(tamper, np.zeros((4, 2), np.float32))
    harmless = SimpleNamespace(trial=attacked.trial, arguments=lambda: (GIVEN, nothing, None))
    (first, *_) = active._simulated(harmless, both)
    assert first.honest and not first.aborted and not first.ends


WORDS = {
    "both honest parties say why": (("check hash mismatch",) * 3, "party 1: check hash mismatch, party 2"),
    "the corrupt one alone": (("check hash mismatch", "Connection reset", ""), None),
}


@pytest.mark.parametrize("case", WORDS)
def test_an_abort_is_what_every_honest_party_says_it_is(case, run, monkeypatch):
    words, said = WORDS[case]

    def ended(chosen, tape, inputs, errors):
        if not errors:
            return SimpleNamespace(revealed=run[1][0].model)
        failure = launcher.Failed("party 0 ended")
        failure.words = words
        raise failure

    monkeypatch.setattr(active.parties, "run", ended)
    chosen = session.Session(backends.MP_SPDZ, 3, 2)
    if said is None:
        with pytest.raises(launcher.Failed, match="party 0 ended"):
            next(active._among(chosen, run[1]))
        return
    first = next(active._among(chosen, run[1]))
    assert first.ends and first.corrupt == 0 and said in first.said
