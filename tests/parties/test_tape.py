"""A program on a tape, interpreted in the clear, is the program: honestly, and with an error at each of its sites."""

import json
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import turncoat as tc
from conformance.runs import TAMPERED, runs
from turncoat.core.arguments import share
from turncoat.core.shared import reveal
from turncoat.engines.recorder import Recorder
from turncoat.engines.segments import DTYPES, segments, uncut, whole
from turncoat.experiments.as_inputs import as_inputs
from turncoat.experiments.recorded import Recorded
from turncoat.parties.programs import tape as tapes
from turncoat.parties.programs.interpreter import interpret, run
from turncoat.parties.programs.plain import Plain
from turncoat.refusal import Refusal

CASES = [case for case in TAMPERED if case.program.name in ("lr", "mlp", "recurrent", "cnn")]


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def tampered(case):
    """An error at each site of engines whose truncation is local, and what the simulator makes of it."""
    reals = runs("reals", case)
    both = zip(reals.tamperings, reals.tampered, strict=True)
    return [(t, out) for t, out in both if t.site.name in reals.plain_surface.sites]


@cache
def recorded(case):
    """A case's program on a tape, with the errors of all its sites at once."""
    recorder = Recorder()
    errors = {t.site.name: t.full for t, _ in tampered(case)}
    wrote(recorder, case, errors)
    return recorder


def wrote(recorder, case, errors=None):
    """A case's step on a recorder, from shared arguments to its opened results, as training makes it."""
    reals = runs("reals", case)
    reveal(reals.on(recorder)(*share(reals.args, recorder), errors=errors))


def computed(recorder, errors, **options):
    """What is revealed, in the order in which it is opened."""
    return run(interpret(recorder.tape, Plain(**options), recorder.writing.inputs, errors))


def of_site(recorder, name):
    """The errors at one site, by the number of the operation."""
    ops = recorder.tape.ops
    return {number: error for number, error in recorder.writing.errors.items() if ops[number].site == name}


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_tape_computes_its_program(case):
    recorder, reals = recorded(case), runs("reals", case)
    for found, wanted in zip(computed(recorder, {}), reals.honest.out, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_an_error_at_each_site_does_what_the_simulator_says(case):
    recorder, reals = recorded(case), runs("reals", case)
    honest = computed(recorder, {})
    for tampering, wanted in tampered(case):
        mine = of_site(recorder, tampering.site.name)
        assert len(mine) == 1
        found = computed(recorder, mine)
        for one, other in zip(found, wanted.out, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-8, err_msg=tampering.site.name)
        moved = any(np.any(a != b) for a, b in zip(found, honest, strict=True))
        assert moved == any(np.any(a != b) for a, b in zip(wanted.out, reals.honest.out, strict=True))


def test_errors_are_no_part_of_a_tape():
    case = CASES[0]
    honest = Recorder()
    wrote(honest, case)
    assert honest.writing.errors == {} and recorded(case).writing.errors
    assert honest.tape.hash == recorded(case).tape.hash


def test_a_tape_is_read_as_it_was_written(tmp_path):
    tape = recorded(CASES[1]).tape
    tape.save(tmp_path / "tape.npz")
    again = tapes.Tape.load(tmp_path / "tape.npz")
    assert again.hash == tape.hash and again.ops == tape.ops and again.outputs == tape.outputs


@pytest.mark.parametrize("change", ["an operation", "an array", "an output"])
def test_its_hash_covers_all_of_it(change):
    tape = recorded(CASES[1]).tape
    ops, arrays, outputs = list(tape.ops), list(tape.arrays), tape.outputs
    if change == "an operation":
        ops[-1] = tapes.Op("neg", ops[-1].out, ops[-1].ins, ops[-1].shape)
    elif change == "an array":
        arrays[-1] = arrays[-1] + 1
    else:
        outputs = outputs[::-1]
    assert tapes.Tape(tuple(ops), tuple(arrays), outputs).hash != tape.hash


def test_rounding_is_of_the_size_of_the_last_digit():
    recorder = recorded(CASES[0])
    exact = computed(recorder, {})
    deviations = [
        max(np.abs(a - b).max() for a, b in zip(exact, computed(recorder, {}, bits=bits), strict=True))
        for bits in (12, 16, 20)
    ]
    assert deviations[0] > 4 * deviations[1] > 16 * deviations[2] > 0


def test_every_operation_is_lowered_to_text_once():
    recorder = recorded(CASES[1])
    content = json.loads(segments(recorder.tape))
    made = {str(op.out) for op in recorder.tape.ops if op.name not in ("step", "share", "constant")}
    assert content["of"].keys() == made
    assert len(set(content["texts"])) <= len(content["texts"]) < len(made)
    assert all("stablehlo" in text or "return %arg0" in text for text in content["texts"])


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_tape_as_one_function_is_its_program(case):
    recorder = recorded(case)
    inputs = [recorder.writing.inputs[op.out] for op in recorder.tape.inputs]
    given = [np.asarray(a, DTYPES[op.sort]) for a, op in zip(inputs, recorder.tape.inputs, strict=True)]
    for found, wanted in zip(jax.jit(whole(recorder.tape))(*given), computed(recorder, {}), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=1e-5)


def test_that_function_is_lowered_beside_its_parts():
    recorder = recorded(CASES[0])
    assert "whole" not in json.loads(segments(recorder.tape))
    assert json.loads(segments(recorder.tape, with_uncut=True))["whole"] == uncut(recorder.tape)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_errors_as_inputs_compute_what_errors_at_operations_do(case):
    recorder = recorded(case)
    written = recorder.writing
    whole_run = Recorded(recorder.tape, written.inputs, written.errors, None, (), 1)
    agreed = as_inputs(whole_run)
    assert agreed.errors == {} and len(agreed.added) == len(written.errors) > 0
    assert agreed.tape.hash != recorder.tape.hash
    assert set(agreed.inputs) == {op.out for op in agreed.tape.inputs}
    wanted = computed(recorder, written.errors)
    for found, want in zip(agreed.computed(Plain()), wanted, strict=True):
        np.testing.assert_array_equal(found, want)


def test_without_errors_the_tape_is_the_honest_one():
    recorder = recorded(CASES[0])
    honest = as_inputs(Recorded(recorder.tape, recorder.writing.inputs, {}, None, (), 0))
    assert honest.tape.hash == recorder.tape.hash and honest.added == frozenset()


def peeking(x):
    return jnp.where(tc.reveal(x.sum()) > 0, x, 2 * x)


@pytest.mark.parametrize(
    ("f", "protocol", "said"),
    [
        (peeking, "crypten", "reveals a value while it runs"),
        (jnp.exp, "exact", "have no ideal exp"),
        (lambda x: 1 / x, "spu", "cannot decompose a number into bits"),
    ],
    ids=["reveals", "ideal", "digits"],
)
def test_what_a_tape_cannot_hold_is_refused(f, protocol, said):
    with pytest.raises(Refusal, match=said):
        tc.secure(f, protocol=protocol, engine=(recorder := Recorder()))(
            share(np.ones(3, np.float32), recorder)
        )


def test_a_step_begins_each_evaluation():
    recorder = Recorder()
    secured = tc.secure(jax.jit(lambda x: x * x), protocol="crypten", engine=recorder)
    reveal(secured(secured(share(np.ones(3, np.float32), recorder))))
    assert recorder.tape.steps == 2
