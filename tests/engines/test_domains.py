"""Monitoring of domains: what is reported, where, and that it disturbs nothing."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from typer.testing import CliRunner

import turncoat as tc
from turncoat.cli.command_line import app
from turncoat.core.protocol import bounded
from turncoat.engines.domains import Violation, WatchedReals
from turncoat.experiments.experiment import Experiment
from turncoat.experiments.monitored import CLEAN, notes
from turncoat.jobs.setup import Setup


def places(found):
    return [(v.function, v.where) for v in found]


def test_the_sentence():
    v = Violation("exp", "softmax/exp", -530.0, 0.0, (-512.0, math.inf), "crypten")
    assert str(v) == "exp argument -530 is outside (-512, inf) in softmax/exp (protocol crypten)"
    v = Violation("sigmoid", "sigmoid", -600.0, 700.0, (-506.0, 506.0), "crypten")
    assert str(v) == "sigmoid argument -600 to 700 is outside (-506, 506) in sigmoid (protocol crypten)"
    v = Violation("log", "log", math.nan, math.nan, (0.0, 1.0), "p")
    assert str(v) == "log argument nan is outside (0, 1) in log (protocol p)"


RECIPROCAL = [("reciprocal", "softmax/recip"), ("exp", "softmax/recip/exp")]


@pytest.mark.parametrize(
    ("protocol", "x", "expected"),
    [
        ("crypten", [1.0, 2.0], []),
        ("crypten", [1.0, -505.0], []),
        ("crypten", [1.0, -513.0], [("exp", "softmax/exp")]),
        ("crypten", [20.0, -520.0], [("exp", "softmax/exp"), *RECIPROCAL]),
        ("secureml", [200.0, 400.0], RECIPROCAL),
        ("tf-encrypted", [20.0, -520.0], []),
        ("spu", [20.0, -520.0], [("exp", "softmax/exp"), ("reciprocal", "softmax/recip")]),
        ("exact", [20.0, -520.0], []),
    ],
)  # fmt: skip
def test_inner_functions_are_seen_in_program_order(protocol, x, expected):
    step = tc.secure(tc.functions.softmax, protocol=protocol)
    assert places(tc.monitor.violations(step, jnp.array([x]))) == expected


def test_what_is_reported_are_the_extremes_of_all_arguments():
    step = tc.secure(tc.functions.sigmoid, protocol="crypten")
    (outer, inner) = tc.monitor.violations(step, jnp.array([-600.0, 3.0, 550.0]))
    assert (outer.function, outer.where, outer.least, outer.largest) == ("sigmoid", "sigmoid", -600, 550)
    assert (inner.function, inner.where, inner.least, inner.largest) == ("exp", "sigmoid/exp", -600, -3)
    assert inner.limits == (-512, math.inf) and inner.protocol == "crypten"


def test_errors_may_leave_the_domain_where_honest_values_do_not():
    step = tc.secure(tc.functions.softmax, protocol="crypten")
    x = jnp.array([[1.0, 2.0]])
    assert tc.monitor.violations(step, x) == []
    errors = {"softmax/exp/square8": np.full((1, 2), 600.0, np.float32)}
    assert places(tc.monitor.violations(step, x, errors=errors))[0] == ("reciprocal", "softmax/recip")


def test_a_flip_is_seen_too():
    step = tc.secure(lax.logistic, protocol="crypten")
    found = tc.monitor.violations(
        step, jnp.array([-2.0, 600.0]), errors={"sigmoid/compare": np.array([False, True])}
    )
    assert [
        v.least for v in found if v.where == "sigmoid/exp"
    ] == []  # |x| became -600: exp(600) is no violation
    assert [v.largest for v in found if v.where == "sigmoid"] == [600]


def grows(x):
    return lax.scan(lambda c, _: (4 * c, tc.functions.sigmoid(c)), x, None, length=6)


def test_inside_scan_every_pass_counts():
    (outer, inner) = tc.monitor.violations(tc.secure(grows, protocol="crypten"), jnp.array([-1.0, 0.5]))
    assert (outer.where, outer.least, outer.largest) == ("sigmoid", -1024, 512)
    assert (inner.where, inner.least, inner.largest) == ("sigmoid/exp", -1024, -0.5)


def test_inside_while_cond_jit_and_vmap():
    def rounds(x):
        return lax.fori_loop(0, 3, lambda i, c: jnp.exp(c - 300), x)

    assert tc.monitor.violations(tc.secure(rounds, protocol="crypten"), jnp.float32(-300.0))[0].least == -600

    def branch(x, far):
        return lax.cond(far, lambda v: jnp.exp(v - 600), jnp.exp, x)

    step = tc.secure(branch, protocol="crypten", secret={"far": False})
    assert len(tc.monitor.violations(step, jnp.float32(0), True)) == 1
    assert tc.monitor.violations(step, jnp.float32(0), False) == []

    engine = WatchedReals()
    watched = tc.secure(jnp.exp, protocol="crypten").on(engine)
    jax.jit(jax.vmap(watched))(jnp.array([1.0, -700.0, 2.0]))
    (only,) = engine.violations("crypten")
    assert (only.least, only.largest) == (-700, 2)


def test_a_monitored_function_computes_the_same_and_forgets_what_it_saw():
    engine, plain = WatchedReals(), tc.secure(grows, protocol="crypten")
    watched, x = plain.on(engine), jnp.array([0.25, -0.75])
    for a, b in zip(jax.tree.leaves(watched(x)), jax.tree.leaves(plain(x)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert list(watched.surface(x).sites) == list(plain.surface(x).sites)
    assert places(engine.violations("crypten")) == [("sigmoid", "sigmoid"), ("exp", "sigmoid/exp")]
    assert engine.violations("crypten") == []
    watched(x / 16)
    assert engine.violations("crypten") == []


def test_numbers_that_overflowed_do_not_hide_what_went_before():
    def twice(x):
        return jnp.exp(jnp.exp(x) * 1e4)

    step = tc.secure(twice, protocol="crypten")
    (first,) = tc.monitor.violations(step, jnp.array([-600.0]))
    assert first.where == "exp" and first.least == -600
    nothing = tc.monitor.violations(tc.secure(jnp.exp, protocol="crypten"), jnp.array([jnp.nan]))
    assert [math.isnan(v.least) for v in nothing] == [True]


def test_an_empty_argument_has_no_extremes():
    assert tc.monitor.violations(tc.secure(jnp.exp, protocol="crypten"), jnp.zeros((0, 3))) == []


def test_a_plain_function_has_no_bounds():
    assert tc.monitor.violations(jnp.exp, jnp.array([-1e6])) == []


def test_a_mark_leaves_the_circuit_alone():
    calls = []

    class Deaf:
        def argument(self, *told):
            calls.append(told)

    marked = bounded("f", {"f": (0.0, 1.0)})(lambda box, x, axis: (x, axis))
    assert marked(Deaf(), "x", 3) == ("x", 3)
    assert calls == [("f", "x", (0.0, 1.0))]
    bounded("g", {})(lambda box, x: x)(Deaf(), "x")
    assert calls[1] == ("g", "x", (-math.inf, math.inf))


# ---- training runs --------------------------------------------------------------------------------------------


def test_a_training_run_that_stays_inside_says_so():
    assert notes(Experiment("backdoor", Setup(data="digits", protocol="exact", epochs=1))) == (CLEAN,)


def test_an_honest_run_that_leaves_the_domain_is_said_to_do_so():
    """A transferred gradient would not be finite at this learning rate, so the attack scales."""
    job = Setup(data="digits", epochs=1, learning_rate=60.0)
    found = notes(Experiment("availability", job, {"by": "scaling"}))
    for run in ("honest", "attacked"):
        assert any(n.startswith(f"{run} run: exp argument") and "softmax/exp" in n for n in found)


def test_the_command_line_warns_and_writes_the_warnings_down(tmp_path):
    asked = "attack availability --set by=scaling --trials 1 --epochs 1 --learning-rate 30 --monitor --json"
    done = CliRunner().invoke(app, [*asked.split(), "--out", str(tmp_path)])
    assert done.exit_code == 0
    record = json.loads(done.stdout)
    assert any(n.startswith("attacked run: exp argument") and "softmax/exp" in n for n in record["notes"])
    warnings = [n for n in record["notes"] if " run: " in n]
    assert all(n in done.stderr for n in warnings)
    assert record["command"].endswith(" --monitor")
