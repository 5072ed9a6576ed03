"""Attacks among processes of CrypTen and SPU, where `make test-engines` has made environments for them."""

import os
from pathlib import Path

import jax
import pytest

from cli.conftest import turncoat
from parties.hygiene import killed_at_random
from turncoat import attacks
from turncoat.engines.segments import segments
from turncoat.experiments import confirm
from turncoat.jobs.setup import Setup
from turncoat.parties import backends, session
from turncoat.results.confirmation import Confirmation

PYTHONS = {name: os.environ.get(f"TURNCOAT_{name.upper()}_PYTHON") for name in ("crypten", "spu")}
ENGINES = [
    pytest.param(
        name, marks=pytest.mark.skipif(python is None, reason="`make test-engines` makes its environment")
    )
    for name, python in PYTHONS.items()
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


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("engine", ENGINES)
def test_parties_reveal_what_the_simulator_predicts_and_see_nothing(engine, attack, tmp_path):
    python = str(Path(PYTHONS[engine]).absolute())
    ran = turncoat(
        tmp_path,
        "confirm",
        *ATTACKS[attack],
        *SMALL,
        "--engine",
        engine,
        f"--{engine}-python",
        python,
        "--json",
    )
    assert ran.code == 0, ran.err
    found = Confirmation.model_validate_json(ran.out)
    assert found.confirmed and found.version.startswith(engine)
    assert found.effect > 100 * found.attacked.allowed > 0
    for party in found.honest_parties:
        clean, other = found.honest.seen[party], found.attacked.seen[party]
        assert clean == other and (clean.exit_code, clean.printed) == (0, "")
        assert max(clean.messages or 0, clean.rounds or 0) > 0 and max(clean.bytes or 0, clean.sent_bytes) > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_when_one_is_killed_all_end(engine, monkeypatch):
    chosen = session.Session(backends.CATALOGUE[engine], 3, python=str(Path(PYTHONS[engine]).absolute()))
    with jax.numpy_dtype_promotion("strict"):
        what = confirm.Confirm("backdoor", Setup(batch=BATCH), chosen, {"strength": 1.0}, STEPS)
        honest = confirm.predicted(chosen, confirm.drawn(what, attacks.get("backdoor", what.settings)))[0]
    more = {"segments.json": segments(honest.recorded.tape)} if chosen.backend.cut else {}
    for party in range(3):
        with monkeypatch.context() as patch:
            killed_at_random(chosen, honest.recorded, more, party, 6, patch)
