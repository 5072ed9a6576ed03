"""A program whose values have no axes: what each engine's arrays make of those differs."""

import jax.numpy as jnp
import numpy as np

import turncoat as tc
from turncoat.core.arguments import share
from turncoat.core.shared import reveal
from turncoat.engines.recorder import Recorder
from turncoat.engines.segments import segments
from turncoat.parties import session
from turncoat.parties.programs.interpreter import interpret, run
from turncoat.parties.programs.plain import Plain

X = np.array([0.5, -0.25, 1.5], np.float32)


def without_axes(x):
    total = x.sum()
    below = (total < 2) & (total < x[2])
    return jnp.where(below, total * x[0] / 3, -total) + jnp.where(total < x[2], 1, 2)


def check_scalars(chosen):
    """Parties reveal of it what it is."""
    recorder = Recorder()
    reveal(tc.secure(without_axes, protocol="crypten", engine=recorder)(share(jnp.asarray(X), recorder)))
    tape, inputs = recorder.tape, recorder.writing.inputs
    more = {"segments.json": segments(tape)} if chosen.backend.cut else {}
    revealed = session.run(chosen, tape, inputs, {}, more).revealed
    wanted = run(interpret(tape, Plain(), inputs, {}))
    np.testing.assert_allclose(wanted[0], without_axes(X), atol=1e-6)
    np.testing.assert_allclose(revealed[0], wanted[0], atol=1e-3)
