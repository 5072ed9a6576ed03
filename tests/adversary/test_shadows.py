"""Shadow models: trained on the adversary's records alone, kept by content, never trusted blindly."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from foreign_jobs import job
from turncoat import attacks
from turncoat.adversary import shadows as module
from turncoat.adversary.shadows import fingerprint, held_back, outputs, shadows
from turncoat.data import files
from turncoat.experiments.trial import Trial
from turncoat.jobs.deployed import Deployed
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal


def a_view(made=None, seed=0):
    made = made or Setup("digits", "lr", epochs=2)
    attack = attacks.get("membership")
    target = made.deployed() if isinstance(made, Setup) else Deployed.of(made, "exact", "reals")
    return Trial.of(target, seed).drawn(attack.goal).view(attack.goal)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path)
    return tmp_path / "shadows"


@pytest.fixture
def trained(monkeypatch):
    """How often models were trained, not read."""
    calls, real = [], module.trained

    def counted(*arguments):
        calls.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(module, "trained", counted)
    return calls


V = a_view()


def test_shadow_models_learn_what_the_victims_model_learns(cache):
    found = shadows(V, 6)
    assert len(found) == 6
    x, y = held_back(V)
    linear = found.outputs(V, x)
    assert linear.shape == (6, len(x), 10)
    accuracy = np.mean(linear.argmax(-1) == y, axis=1)
    assert (accuracy > 0.8).all()  # on records that none of them trained on


def test_they_differ_by_their_records_and_repeat_by_their_seed(cache):
    a, b, c = shadows(V, 3).leaves["w0"], shadows(V, 3).leaves["w0"], shadows(V, 3, seed=1).leaves["w0"]
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a[0], a[1], atol=1e-3)
    assert not np.allclose(a, c, atol=1e-3)


def test_records_held_back_are_in_no_shadow_model(cache):
    """Their features may be anything without any effect."""
    x = V.x.copy()
    x[: len(held_back(V)[0])] = 7.0
    np.testing.assert_array_equal(shadows(replace(V, x=x), 2).leaves["w0"], shadows(V, 2).leaves["w0"])


def test_they_depend_on_nothing_of_the_trial(cache):
    """Neither on the victims' records nor on who is asked about: one set serves all trials of a split."""
    case = replace(V, told={**V.told, "x": V.told["x"] * 0}, key=None)
    assert fingerprint(case, 4, 0) == fingerprint(V, 4, 0)


def test_everything_else_that_they_depend_on_is_in_their_name():
    x = V.x.copy()
    x[5, 5] += 1e-6
    wider = replace(V.job, init=lambda key: jax.tree.map(lambda a: 2 * a, V.job.init(key)))
    changed = [
        replace(V, x=x),
        replace(V, y=V.y[::-1].copy()),
        replace(V, records=V.records - 1),
        replace(V, job=replace(V.job, epochs=3)),
        replace(V, job=wider),
        replace(V, initial=V.job.init(jax.random.key(0))),
        replace(V, initial=V.job.init(jax.random.key(1))),
        replace(V, program=Setup("digits", "lr", protocol="exact", epochs=2).deployed().program),
        a_view(Setup("digits", "lr", epochs=2, learning_rate=0.3)),
        a_view(Setup("digits", "mlp", hidden=(4,), epochs=2)),
        a_view(seed=1),
    ]
    names = [fingerprint(v, 4, 0) for v in (V, *changed)] + [fingerprint(V, 5, 0), fingerprint(V, 4, 1)]
    assert len(set(names)) == len(names)


def test_a_users_job_has_the_same_name_in_every_process():
    """Its program holds functions that print with an address."""
    found = {fingerprint(a_view(made), 2, 0) for made in (job("deep"), job.__wrapped__("deep"))}
    assert len(found) == 1


def test_of_a_users_job_they_are_pytrees_of_what_it_releases(cache):
    view = a_view(job("deep", "momentum", epochs=1))
    for _ in range(2):  # trained, then read
        released = next(iter(shadows(view, 2)))
        assert jax.tree.structure(released) == jax.tree.structure(view.job.released)
        assert view.scores(released, view.x[:3]).shape == (3, 10)


def test_they_are_trained_once_and_read_afterwards(cache, trained):
    first, second = shadows(V, 3), shadows(V, 3)
    assert len(trained) == 1
    assert len(list(cache.iterdir())) == 1
    for name in first.leaves:
        np.testing.assert_array_equal(first.leaves[name], second.leaves[name])
        assert first.leaves[name].dtype == second.leaves[name].dtype


def truncated(path):
    path.write_bytes(path.read_bytes()[:100])


def altered(path):
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["leaf:w0"] = arrays["leaf:w0"] + 1e-3
    np.savez(path, **arrays)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [truncated, altered, empty])
def test_a_damaged_file_is_said_to_be_so_and_made_again(cache, trained, harm):
    whole = shadows(V, 3).leaves["w0"]
    (path,) = cache.iterdir()
    harm(path)
    with pytest.warns(UserWarning, match="damaged"):
        again = shadows(V, 3).leaves["w0"]
    assert len(trained) == 2
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_array_equal(shadows(V, 3).leaves["w0"], whole)
    assert len(trained) == 2


def test_a_cache_that_cannot_be_written_is_no_fault(cache, trained):
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file in the folder's place")
    with pytest.warns(UserWarning, match="could not be kept"):
        assert len(shadows(V, 2)) == 2


def test_linear_outputs_are_the_models_scores(cache):
    params = next(iter(shadows(V, 2)))
    scores = np.asarray(V.scores(params, V.x[:7]))
    np.testing.assert_allclose(outputs(V, params, V.x[:7]), scores, rtol=1e-5)


@pytest.mark.parametrize(("records", "count", "says"), [(628, 1, "two shadow models"), (9, 4, "too few")])
def test_too_little_is_refused(cache, records, count, says):
    with pytest.raises(Refusal, match=says):
        shadows(replace(V, x=V.x[:records], y=V.y[:records]), count)
