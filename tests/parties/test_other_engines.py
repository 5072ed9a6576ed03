"""Attacks among processes of CrypTen, SPU and MP-SPDZ, where these are installed: see `make test-engines`."""

import os
from pathlib import Path

import jax
import pytest

from cli.conftest import turncoat
from parties.hygiene import killed_at_random
from parties.scalars import check_scalars
from turncoat import attacks
from turncoat.engines.segments import segments
from turncoat.experiments import confirm
from turncoat.jobs.setup import Setup
from turncoat.parties import backends, mp_spdz, session
from turncoat.results.confirmation import Confirmation

GIVEN = {
    "crypten": ("--crypten-python", "TURNCOAT_CRYPTEN_PYTHON", "`make test-engines` makes its environment"),
    "spu": ("--spu-python", "TURNCOAT_SPU_PYTHON", "`make test-engines` makes its environment"),
    "mp-spdz": ("--mp-spdz", "TURNCOAT_MP_SPDZ", "its parties are built from its source"),
}
"""The option that says where an engine is, the variable that tells these tests, and why it may be missing."""
WHERE = {
    name: str(Path(os.environ[variable]).absolute()) if variable in os.environ else None
    for name, (_, variable, _) in GIVEN.items()
}
ENGINES = [
    pytest.param(name, marks=pytest.mark.skipif(WHERE[name] is None, reason=why))
    for name, (_, _, why) in GIVEN.items()
]
BATCH, STEPS = 8, 2
SMALL = ("--batch", str(BATCH), "--steps", str(STEPS))
ATTACKS = {
    "a shift": ("backdoor", "--set", "strength=1"),
    "two errors": ("sparse-backdoor", "--model", "mlp", "--hidden", "8"),
    "a flip": (
        "amplified-poisoning",
        "--model",
        "svm-squared",
        "--data",
        "breast_cancer",
        "--set",
        "through=flip",
    ),
}


def confirmed(folder, engine, *words):
    return turncoat(
        folder, "confirm", *words, *SMALL, "--engine", engine, GIVEN[engine][0], WHERE[engine], "--json"
    )


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("engine", ENGINES)
def test_parties_reveal_what_the_simulator_predicts_and_see_nothing(engine, attack, tmp_path):
    ran = confirmed(tmp_path, engine, *ATTACKS[attack])
    if attack == "a flip" and backends.get(engine).bits_refused:
        assert ran.code == 2 and "realises errors at products alone" in ran.err
        return
    assert ran.code == 0, ran.err
    found = Confirmation.model_validate_json(ran.out)
    assert found.confirmed and found.version.startswith(engine)
    assert found.effect > 100 * found.attacked.allowed > 0
    for party in found.honest_parties:
        clean, other = found.honest.seen[party], found.attacked.seen[party]
        assert clean == other and clean.exit_code == 0
        assert clean.printed == "" or engine == "mp-spdz"  # which tells its users about its protocols
        assert max(clean.messages or 0, clean.rounds or 0) > 0 and max(clean.bytes or 0, clean.sent_bytes) > 0


def session_on(engine):
    if engine == "mp-spdz":
        return session.Session(backends.MP_SPDZ, 3, options=mp_spdz.options(WHERE[engine]))
    return session.Session(backends.CATALOGUE[engine], 3, python=WHERE[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_values_without_axes_are_computed_too(engine):
    check_scalars(session_on(engine))


@pytest.mark.parametrize("engine", ENGINES[-1:])
def test_under_active_security_each_corrupt_party_ends_it(engine, tmp_path):
    ran = confirmed(tmp_path, engine, *ATTACKS["a shift"], "--active")
    assert ran.code == 0, ran.err
    found = Confirmation.model_validate_json(ran.out)
    assert [one.corrupt for one in found.active] == [0, 1, 2]
    for one in found.active:
        assert one.honest and one.aborted and one.said.count("check hash mismatch") == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_when_one_is_killed_all_end(engine):
    chosen = session_on(engine)
    with jax.numpy_dtype_promotion("strict"):
        what = confirm.Confirm("backdoor", Setup(batch=BATCH), chosen, {"strength": 1.0}, STEPS)
        honest = confirm.predicted(chosen, confirm.drawn(what, attacks.get("backdoor", what.settings)))[0]
    more = {"segments.json": segments(honest.recorded.tape)} if chosen.backend.cut else {}
    for party in range(3):
        killed_at_random(chosen, honest.recorded, more, party, 6)
