"""Cells: what is finished is never computed again, and a run that goes on from it is the run that was not stopped."""

import errno
import os
import pickle
import shutil
import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from turncoat import attacks
from turncoat.defences.ideal import Tally
from turncoat.experiments import attacked, codec, honest, store
from turncoat.experiments.audit import audited
from turncoat.experiments.experiment import Experiment, run
from turncoat.experiments.memory import Memory
from turncoat.experiments.store import Store
from turncoat.jobs.setup import Setup
from turncoat.refusal import Refusal

JOB = Setup("breast_cancer", epochs=2)
BACKDOOR = Experiment("amplified-poisoning", JOB, {}, trials=3)
ATTACKS = {"backdoor": {}, "availability": {}}
SEARCH = {"minutes": 9.0, "iterations": 20}


class StoppedError(BaseException):
    """As Ctrl-C: no attack is blamed for it."""


def stop_at(number):
    """Progress that stops the run when it is told of so many trials."""
    calls = iter(range(number))

    def report(*_):
        if next(calls, None) is None:
            raise StoppedError

    return report


def said(result):
    """A result, but for when and how long."""
    found = result.model_dump(mode="json")
    return without(found)


def without(found):
    if isinstance(found, dict):
        return {k: without(v) for k, v in found.items() if k not in ("created", "seconds")}
    return [without(v) for v in found] if isinstance(found, list) else found


def never(*_, **__):
    raise AssertionError("something was computed that was stored")


@pytest.fixture(scope="module")
def whole():
    return run(BACKDOOR, memory=Memory(store.NOTHING), sweep=True)


@pytest.fixture(scope="module")
def finished(whole, tmp_path_factory):
    """A folder of all cells of the experiment, made by a run that was stopped three times."""
    folder = tmp_path_factory.mktemp("cells")
    for number in (1, 1, 0):
        with pytest.raises(StoppedError):
            run(BACKDOOR, stop_at(number), memory=Memory(Store(folder)))
    found = run(BACKDOOR, memory=Memory(Store(folder)))
    assert said(found) == said(whole)
    return folder


@pytest.fixture
def untrained(monkeypatch):
    """Nothing can be trained."""
    monkeypatch.setattr(attacked, "train", never)
    monkeypatch.setattr(honest, "train", never)


def test_a_run_from_its_cells_alone_is_the_run_itself(whole, finished, untrained):
    memory = Memory(Store(finished))
    found = run(BACKDOOR, memory=memory)
    assert said(found) == said(whole)
    assert found.seconds >= memory.elsewhere > 0  # what the cells took, whoever computed them


def test_an_audit_goes_on_where_it_was_stopped(tmp_path):
    asked = {"trials": 2, "only": ATTACKS}
    uninterrupted = audited(JOB, memory=Memory(store.NOTHING), **asked)
    assert [r.attack for r in uninterrupted.results] == ["backdoor", "availability"]
    for calls in (3, 9, 14):
        with pytest.raises(StoppedError):
            audited(JOB, progress=stop_at(calls), memory=Memory(Store(tmp_path)), **asked)
    memory = Memory(Store(tmp_path))
    assert said(audited(JOB, memory=memory, **asked)) == said(uninterrupted)
    assert memory.finished == len(list(memory.store.paths())) == 2 + 2 + 2


def test_a_search_that_the_clock_ends_is_kept_as_it_ended(tmp_path, monkeypatch):
    """Its cell is what was found: a run that lost its trials alone makes the same errors."""
    experiment = Experiment("search", JOB, SEARCH, trials=2)
    first = run(experiment, memory=Memory(Store(tmp_path)))
    lost = [p for p in Store(tmp_path).paths() if store.about(p)["cell"] == "attack"]
    assert len(lost) == 2
    for path in lost:
        path.unlink()
    monkeypatch.setattr("turncoat.adversary.descent.Descent.run", never)
    assert said(run(experiment, memory=Memory(Store(tmp_path)))) == said(first)


def test_honest_runs_serve_all_attacks(tmp_path):
    memory = Memory(Store(tmp_path))
    run(Experiment("backdoor", JOB, trials=2), memory=memory)
    run(Experiment("availability", JOB, trials=2), memory=Memory(Store(tmp_path)))
    kinds = [store.about(p)["cell"] for p in Store(tmp_path).paths()]
    assert sorted(kinds) == ["attack"] * 4 + ["honest"] * 2


# ---- which cell it is -------------------------------------------------------------------------------------

KEYS = {
    "the data": {"data": "digits"},
    "the model": {"model": "mlp"},
    "its width": {"model": "mlp", "hidden": (64,)},
    "the protocol": {"protocol": "exact"},
    "the engine": {"engine": "ring"},
    "the engine's precision": {"engine": "ring:precision=16"},
    "the defence": {"defence": "matrices"},
    "a share of a defence": {"defence": "sampled:alpha=0.1"},
    "epochs": {"epochs": 3},
    "the batch": {"batch": 16},
    "the learning rate": {"learning_rate": 0.25},
    "momentum": {"momentum": 0.5},
}


def key(job=JOB, attack="backdoor", settings=None, number=0, seed=0):
    memory, target = Memory(Store("unused")), job if not isinstance(job, Setup) else job.deployed()
    made = attacked.Cells(target, attacks.get(attack, settings or {}), 3, seed, memory)
    return memory.key(target, made.cell(number))


def test_whatever_changes_numbers_changes_the_key():
    keys = [key(), *(key(replace(JOB, **changed)) for changed in KEYS.values())]
    keys += [key(settings={"strength": 0.2}), key(attack="availability"), key(number=1), key(seed=5)]
    assert None not in keys and len(set(keys)) == len(keys)
    assert key() == keys[0] and key(number=1) == key(seed=1)


def with_constant(job, value):
    """The job with an array that its step closes over, inside a function that is compiled by itself."""
    held = np.full(3000, value, np.float32)
    held[1500] = 7

    def step(state, x, y):
        return {n: p + 0 * jnp.sum(_scaled(held)) for n, p in job.job.step(state, x, y).items()}

    return replace(job, job=replace(job.job, step=step))


def _scaled(held):
    from jax import jit

    return jit(lambda: 2 * jnp.asarray(held))()


def test_an_array_that_a_function_holds_is_part_of_the_key():
    target = JOB.deployed()
    one, other = with_constant(target, 1.0), with_constant(target, 1.0)
    assert key(one) == key(other)
    assert len({key(target), key(one), key(with_constant(target, 2.0))}) == 3


def test_what_no_trace_shows_is_not_stored():
    from jax import pure_callback

    target = JOB.deployed()

    def step(state, x, y):
        asked = pure_callback(lambda a: a, y, y)
        return target.job.step(state, x, asked)

    assert key(replace(target, job=replace(target.job, step=step))) is None
    assert key(replace(target, protocol=replace(target.protocol))) is None


def test_turncoats_own_source_and_jaxs_configuration_are_part_of_the_key(monkeypatch):
    from turncoat.jobs import fingerprint

    before = key()
    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "source", lambda: "another")
        assert key() != before
    for flag in ("jax_disable_most_optimizations", "jax_default_matmul_precision"):
        old = jax.config.values[flag]
        jax.config.update(flag, "highest" if old is None else not old)
        assert key() != before
        jax.config.update(flag, old)
    with monkeypatch.context() as patch:
        patch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "") + " ")
        assert key() != before
    assert key() == before


# ---- a store that is damaged, foreign, full, or not to be written to --------------------------------------


def truncated(path, other):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path, other):
    path.write_bytes(b"")


def of_another_cell(path, other):
    shutil.copy(other, path)


def of_another_program(path, other):
    np.savez(path, weights=np.ones(3))


def of_objects(path, other):
    np.savez(path, json=np.array([{}], object), digest=np.zeros(3))


def a_pickle(path, other):
    path.write_bytes(pickle.dumps({"a": 1}))


@pytest.mark.parametrize(
    "harm", [truncated, emptied, of_another_cell, of_another_program, of_objects, a_pickle]
)
def test_a_damaged_or_foreign_cell_is_computed_again_with_one_sentence(whole, finished, tmp_path, harm):
    shutil.copytree(finished, tmp_path / "cells")
    kept = Store(tmp_path / "cells")
    path, other = [p for p in kept.paths() if store.about(p)["cell"] == "attack"][:2]
    harm(path, other)
    with pytest.warns(UserWarning, match="no cell that Turncoat finished") as caught:
        found = run(BACKDOOR, memory=Memory(kept))
    assert said(found) == said(whole) and len(caught) == 1
    assert "unsafely" not in str(caught[0].message)  # NumPy's advice for what it takes for a pickle
    run(BACKDOOR, memory=Memory(kept))  # it is whole again


def test_a_bit_that_fell_over_is_noticed_wherever_it_lies_or_changes_nothing(tmp_path):
    value, kept, key = {"a": np.arange(3.0), "b": (1, float("nan"), "text")}, Store(tmp_path), "5" * 64
    kept.write(key, codec.encoded(value), {"seconds": 1.0})
    whole, found = kept.path(key).read_bytes(), []
    for place in range(len(whole)):
        kept.path(key).write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = kept.read(key)
        found.append(read is not None)
        if read is not None:
            assert repr(read.value) == repr(value)
    assert sum(found) < len(whole) / 2


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -0.0, float("inf"), "text", [1, (2, None)], {(1, "a"): {"b": []}}, np.float64(0.1),
        np.zeros((2, 0)), np.arange(6, dtype=np.int8).reshape(2, 3), jnp.arange(3, dtype=jnp.bfloat16),
        np.int32(7), jnp.bool_(True), frozenset({3, 1}), np.array("word"), Tally(jnp.int32(3), {"site": np.int64(2)}),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_is_read_as_it_was_written(tmp_path, value):
    kept, key = Store(tmp_path), "a" * 64
    kept.write(key, codec.encoded(value), {})
    read = kept.read(key).value
    assert type(read) is type(value) and repr(read) == repr(value)
    assert getattr(read, "dtype", None) == getattr(value, "dtype", None)


@pytest.mark.parametrize("value", [object(), {1, 2}, Store(), np.array([object()]), jax.random.key(0), 1j])
def test_what_cannot_be_written_is_not(value):
    with pytest.raises(codec.Unstorable):
        codec.encoded({"a": value})


@pytest.mark.parametrize(
    "plain", [{"value": "Store", "fields": {}}, {"array": 3, "as": "numpy", "dtype": ""}, {"x": 1}]
)
def test_what_is_no_value_of_ours_is_not_made_one(plain):
    with pytest.raises(ValueError, match="no value of ours"):
        codec.decoded(plain, [])


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_once_and_the_run_goes_on(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    memory = Memory(Store(tmp_path))
    with pytest.warns(UserWarning, match="No space left on device.*--cache") as caught:
        found = run(BACKDOOR, memory=memory)
    assert said(found) == said(whole) and len(caught) == 1
    assert memory.finished == 0 and [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_folder_that_cannot_be_made_is_said_once(whole, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.warns(UserWarning, match="cannot be kept"):
        assert said(run(BACKDOOR, memory=Memory(Store(tmp_path / "taken" / "cells")))) == said(whole)


def test_a_folder_that_was_named_and_cannot_be_used_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match="name another folder, or say --no-cache"):
        store.at(tmp_path / "taken" / "cells")


def test_the_variable_names_the_folder_or_none(tmp_path, monkeypatch):
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))
    assert store.default() == Store(tmp_path)
    monkeypatch.setenv(store.VARIABLE, store.OFF)
    assert store.default() == store.NOTHING
    monkeypatch.delenv(store.VARIABLE)
    assert store.default().folder.parts[-2:] == ("turncoat", "cells")


def test_nothing_is_kept_where_nothing_is_to_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    memory = Memory(store.NOTHING)
    run(Experiment("availability", JOB, trials=1), memory=memory)
    assert memory.finished == 0 and list(tmp_path.iterdir()) == []


def test_a_cell_says_what_it_is(finished):
    assert {p.stat().st_mode & 0o777 for p in Store(finished).paths()} == {
        0o600
    }  # models lie in them, and records
    about = [store.about(p) for p in Store(finished).paths()]
    (one,) = [a for a in about if a["cell"] == "attack" and a["seed"] == 1]
    assert one["attack"] == "amplified-poisoning" and one["data"] == "breast_cancer" and one["seconds"] > 0
    assert one["surroundings"]["turncoat"] and one["protocol"] == "crypten"
