"""An attack among three processes of MPyC, from the command line to what the honest parties saw."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bench import hygiene
from cli.conftest import turncoat, written
from parties.hygiene import killed_at_random
from parties.scalars import check_scalars
from turncoat import attacks
from turncoat.core.errors import Errors
from turncoat.experiments import confirm, rounding
from turncoat.experiments.recorded import record
from turncoat.jobs.loop import Tampering
from turncoat.jobs.setup import Setup
from turncoat.parties import backends, session
from turncoat.refusal import Refusal
from turncoat.results.confirmation import Confirmation

STEPS, BATCH = 2, 8
SMALL = ("--engine", "mpyc", "--steps", str(STEPS), "--batch", str(BATCH))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("confirm")


@pytest.fixture(scope="module")
def ran(folder):
    """The command, once for this file."""
    return turncoat(folder, "confirm", "backdoor", *SMALL, "--set", "strength=1", "--json", "--out", "found")


@pytest.fixture(scope="module")
def found(ran):
    assert ran.code == 0, ran.err
    return Confirmation.model_validate_json(ran.out)


@pytest.fixture(scope="module")
def drawn():
    """The same run's trial and attack."""
    with jax.numpy_dtype_promotion("strict"):
        what = confirm.Confirm(
            "backdoor", Setup(batch=BATCH), session.Session(backends.MPYC), {"strength": 1.0}, STEPS
        )
        return confirm.drawn(what, attacks.get("backdoor", what.settings))


@pytest.fixture(scope="module")
def attacked(drawn):
    """The same run, as it is before any party starts."""
    with jax.numpy_dtype_promotion("strict"):
        return confirm.predicted(session.Session(backends.MPYC), drawn)


def test_what_they_reveal_is_what_the_simulator_predicts(found):
    assert found.confirmed and found.version == "mpyc 0.11"
    for run in (found.honest, found.attacked):
        assert 0 < run.deviation <= run.allowed < 1e-3 < 0.1 < found.effect
        assert len(run.seconds) == len(run.processor) == found.steps == STEPS
    np.testing.assert_allclose(found.revealed_change, found.predicted_change, atol=2 * found.attacked.allowed)


def test_the_honest_parties_saw_a_clean_run(found):
    assert found.honest_parties == (0, 1) and found.corrupt == 2
    for party in found.honest_parties:
        clean, other = found.honest.seen[party], found.attacked.seen[party]
        assert clean == other
        assert (clean.exit_code, clean.printed) == (0, "")
        assert min(clean.rounds, clean.messages, clean.sent_bytes, clean.received_bytes) > 0


def test_the_attack_did_to_the_model_what_it_does_in_the_simulator(found):
    assert found.result.engine == "mpyc" and found.result.errors == STEPS * 10
    assert found.sites == ("dense0/grad_weights",) and found.tampered == STEPS
    assert found.result.attacked.success.mean > 0.9 > 0.5 > found.result.honest.success.mean


def test_the_result_is_kept_as_everywhere(found, folder, ran):
    files = json.loads((folder / "found" / "files.json").read_text())["files"]
    assert {"confirmation.json", "confirmation.png", "report.html"} <= set(files)
    assert json.loads((folder / "found" / "confirmation.json").read_text()) == json.loads(ran.out)
    assert (folder / "found" / "confirmation.png").read_bytes().startswith(b"\x89PNG")


def test_a_plan_of_numpys_arrays_is_indexed_by_the_step_that_is_recorded(drawn):
    site, plan = "dense0/grad_weights", np.arange(1.0, STEPS + 1, dtype=np.float32)
    tampering = Tampering(lambda plan, info: Errors({site: plan[info.step] * jnp.ones((64, 10))}), plan)
    with jax.numpy_dtype_promotion("strict"):
        found = record(drawn.trial.deployed, drawn.trial.arguments(), tampering)
    assert [float(error.mean()) for error in found.errors.values()] == [1, 2]


def test_other_errors_than_the_predicted_ones_are_told_apart(attacked):
    """A negative control: three halves of each error."""
    one = attacked[1]
    errors = {number: 1.5 * error for number, error in one.recorded.errors.items()}
    ended = session.run(session.Session(backends.MPYC, 3, 1), one.recorded.tape, one.recorded.inputs, errors)
    revealed = one.recorded.released(ended.revealed)
    deviation = max(
        float(np.abs(a - b).max())
        for a, b in zip(jax.tree.leaves(one.model), jax.tree.leaves(revealed), strict=True)
    )
    assert deviation > 100 * one.allowed


def test_values_without_axes_are_computed_too():
    check_scalars(session.Session(backends.MPYC))


@pytest.mark.parametrize("party", range(3))
def test_when_one_is_killed_all_end(party, attacked):
    killed_at_random(session.Session(backends.MPYC), attacked[0].recorded, {}, party, 3)


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="the kernel is asked through /proc")
@pytest.mark.parametrize("party", [0, None], ids=["a party", "the owner"])
def test_after_a_kill_no_process_no_port_and_no_file_is_left(party, attacked, tmp_path):
    prepared = hygiene.written(tmp_path, session.Session(backends.MPYC), attacked[0].recorded, {})
    ended = hygiene.kill(prepared, 3, party, 0.5)
    assert ended.said != hygiene.OVER
    assert ended.faults == () and ended.seconds < hygiene.LIMIT


def test_a_run_that_was_over_before_the_kill_is_run_again_and_killed_sooner(monkeypatch):
    moments = []

    def kill(prepared, parties, party, after):
        moments.append(after)
        return hygiene.Ended(party, 3.0, 0.0, hygiene.OVER if len(moments) < 3 else "party 1 was ended")

    monkeypatch.setattr(hygiene, "kill", kill)
    latest = SimpleNamespace(uniform=lambda low, high: high)
    assert hygiene.struck(Path(), 3, 1, 9.0, latest).said == "party 1 was ended"
    assert moments == [9.0, 3.0, 3.0]


REFUSED = """
confirm backdoor --engine mpc | no real parties run on 'mpc'; choose from
confirm nothing --engine mpyc | no attack 'nothing'
confirm backdoor | name the engine of the parties by --engine: mpyc, crypten, spu, mp-spdz
audit --spu-python x | --spu-python has no effect without --confirm
audit --confirm mpd | no real parties run on 'mpd'
confirm backdoor --engine mpyc --parties 4 | MPyC runs here with 3, 5 or 7 parties, not 4
confirm backdoor --engine mpyc --corrupt 3 | there is no party 3: 3 parties are numbered 0 to 2
confirm backdoor --engine mpyc --spu-python x | --spu-python has no effect on engine 'mpyc'
confirm backdoor --engine spu --spu-python nowhere | there is no interpreter 'nowhere'
confirm backdoor --engine mp-spdz | give the path of that tree by --mp-spdz
confirm backdoor --engine mp-spdz --mp-spdz . | there is no MP-SPDZ in .
confirm backdoor --engine mpyc --mp-spdz . | --mp-spdz has no effect on engine 'mpyc'
confirm backdoor --engine mpyc --party 0 | --party has no effect on its own; several machines need both
confirm backdoor --engine mpyc --party 0 --hosts a,b,c | since it unpickles what its peers send
confirm backdoor --engine mpyc --deadline 0 | --deadline is a number of seconds above 0, not 0
confirm backdoor --engine mpyc --evidence C | evidence is A or B, not 'C'
confirm backdoor --engine mpyc --evidence B --active | an active protocol takes them too
confirm backdoor --engine mpyc --steps 0 | at least one step
confirm backdoor --engine mpyc --steps 900 | take --steps 19 at most
confirm backdoor --engine mpyc --protocol exact | real parties have no ideal softmax: choose a protocol
confirm backdoor --engine mpyc --protocol spu | real parties cannot decompose a number into bits here, which softmax
confirm backdoor --engine mpyc --set strength=1e-7 | nothing would be confirmed; raise the strength
confirm reconstruction --engine mpyc --set strength=1e7 | holds them below 2.1e+06 here
"""


@pytest.mark.parametrize("line", REFUSED.strip().splitlines())
def test_what_cannot_be_confirmed_is_refused_in_one_sentence(line, folder):
    command, _, said = line.partition(" | ")
    before = written(folder)
    ran = turncoat(folder, *command.split())
    assert ran.code == 2 and ran.out == "" and said in ran.err
    assert len(ran.err.strip().splitlines()) == 1 and written(folder) == before


def test_an_engine_that_is_not_there_is_refused_with_what_installs_it(tmp_path):
    lacking = tmp_path / "python"
    lacking.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    os.chmod(lacking, 0o755)
    with pytest.raises(Refusal, match=r"MPyC is not installed .* pip install 'turncoat\[mpyc\]'"):
        session.Session(backends.MPYC, python=str(lacking))


def test_errors_in_bits_are_refused_where_a_bit_cannot_be_flipped(attacked):
    recorded = attacked[1].recorded
    compare = next(i for i, op in enumerate(recorded.tape.ops) if op.name == "compare")
    flips = replace(recorded, errors={compare: np.ones(recorded.tape.ops[compare].shape, bool)})
    with pytest.raises(
        Refusal, match=r"flips a bit at 'softmax/max.*', and MPyC realises errors at products"
    ):
        confirm._check_realised(session.Session(backends.MPYC), flips)


def test_a_job_whose_own_numbers_are_too_large_is_not_told_to_lower_the_attack(attacked):
    small = session.Session(replace(backends.MPYC, bits=backends.MPYC.precision + 1))
    said = r"honest run reaches .* holds them below 1 here .*; this engine cannot carry the job"
    with pytest.raises(Refusal, match=said):
        rounding.allowed(small, attacked[0].recorded)


def test_a_prediction_in_32_bits_is_trusted_no_further_than_its_largest_number_allows():
    small, large = ({"weights": np.array([0.5, n], np.float32)} for n in (1, 300))
    assert rounding.of_floats(small) < 1e-6
    assert 2 * np.spacing(np.float32(300)) < rounding.of_floats(large) < 1e-3
