"""Conformance vectors: inputs, errors and outputs of every function of every protocol, in `vectors/`.

Each file holds, in double precision, a function's honest outputs and its outputs with an error at each of its
sites in turn (`add`: `error` added to every entry; `flip`: every bit flipped), and how near the circuit comes
to the true function. A function that an earlier protocol computes by the same circuit is only named. Other
implementers can check theirs against the files. Here the code is held to them, and they to the independent
oracles of `oracles.py`. To accept a change on purpose, run once with `TURNCOAT_GOLDEN=rewrite` and read the
diff.
"""

import json
import os
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bench.circuits import FUNCTIONS, accuracy, markdown, probed, same_as

import turncoat as tc
from protocols import mp_spdz_oracles, oracles, spu_oracles
from protocols.tampered import Circuit, oracle

VECTORS = Path(__file__).parent / "vectors"
ERROR = 2.0**-10
INPUTS = {
    "exp": [-7.3, -0.8, 0.4, 1.7],
    "reciprocal": [-3.1, 0.07, 0.9, 41.3],
    "log": [0.11, 0.45, 0.9, 1.3],
    "log1p": [-0.8, -0.3, 0.05, 0.35],
    "sqrt": [0.07, 0.6, 3.3, 90.1],
    "rsqrt": [0.07, 0.6, 3.3, 90.1],
    "tanh": [-1.9, -0.4, 0.3, 2.2],
    "erf": [-1.2, -0.3, 0.2, 1.5],
    "sigmoid": [-6.1, -2.0, -0.3, 0.0, 3.2],
    "softmax": [[0.5, -1.25, 2.0]],
    "relu": [-1.5, 0.75],
}
CASES = [
    (p, f) for p, protocol in tc.protocols.CATALOGUE.items() for f in FUNCTIONS if not same_as(protocol, f)
]


def each_case(cases=CASES):
    return pytest.mark.parametrize(("protocol", "function"), cases, ids=lambda v: v)


@cache
def computed(protocol, function):
    """The entry of a function as the code computes it."""
    mine = Circuit(protocol, FUNCTIONS[function].f, INPUTS[function])

    def tampered(name, is_bit):
        error = np.ones_like(mine.none[name]) * (True if is_bit else ERROR)
        return {"flip" if is_bit else "add": mine({name: error}).tolist()}

    sites = {n: tampered(n, s.is_bit) for n, s in mine.sites.items()}
    return {"x": INPUTS[function], "y": mine().tolist(), "sites": sites}


def entry(protocol, function):
    value = tc.protocols.get(protocol)
    low, high = probed(value, function)
    absolute, relative = accuracy(value, function)
    domain = [None if np.isinf(v) else v for v in value.domains.get(function, (-np.inf, np.inf))]
    near = {"on": [low, high], "absolute": float(f"{absolute:.2g}"), "relative": float(f"{relative:.2g}")}
    return {"domain": domain, "accuracy": near} | computed(protocol, function)


def short(value):
    """Numbers to 13 digits; what is not finite as a string, for JSON has no name for it."""
    if isinstance(value, dict):
        return {k: short(v) for k, v in value.items()}
    if isinstance(value, list):
        return [short(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.13g}") if np.isfinite(value) else str(value)
    return value


def text(protocol):
    functions = {}
    for function in FUNCTIONS:
        other = same_as(tc.protocols.get(protocol), function)
        functions[function] = {"as": other} if other else short(entry(protocol, function))
    lines = []
    for name, body in functions.items():
        sites = body.pop("sites", None)
        head = json.dumps(body)
        if sites is not None:
            inner = ",\n".join(f"    {json.dumps(n)}: {json.dumps(s)}" for n, s in sites.items())
            head = f'{head[:-1]}, "sites": {{\n{inner}}}}}'
        lines.append(f"  {json.dumps(name)}: {head}")
    about = f'"format": "turncoat.vectors/1", "protocol": {json.dumps(protocol)}, "error": {ERROR}'
    return f'{{{about}, "functions": {{\n' + ",\n".join(lines) + "\n}}\n"


@cache
def file(protocol):
    path = VECTORS / f"{protocol}.json"
    if os.environ.get("TURNCOAT_GOLDEN") == "rewrite":
        path.write_text(text(protocol))
    return json.loads(path.read_text())


def numbers(values):
    return np.asarray(values, object).astype(float)


def alike(got, expected, scale=1.0):
    """Equal up to what fused rounding and 13 digits leave: relative to the largest entry."""
    got, expected = numbers(got), numbers(expected)
    size = max(np.max(np.abs(expected), initial=0, where=np.isfinite(expected)), 1e-3)
    np.testing.assert_allclose(got, expected, rtol=1e-7 * scale, atol=1e-10 * size * scale)


# ---- the code against the files -----------------------------------------------------------------------------


@each_case()
def test_the_code_computes_the_vectors(protocol, function):
    stored, now = file(protocol)["functions"][function], computed(protocol, function)
    assert stored["x"] == now["x"]
    alike(now["y"], stored["y"])
    assert list(stored["sites"]) == list(now["sites"])
    for name, site in now["sites"].items():
        ((what, values),) = site.items()
        alike(values, stored["sites"][name][what])


@each_case()
def test_the_accuracy_is_the_stated_one(protocol, function):
    stored, value = file(protocol)["functions"][function], tc.protocols.get(protocol)
    limits = [-np.inf if stored["domain"][0] is None else stored["domain"][0],
              np.inf if stored["domain"][1] is None else stored["domain"][1]]  # fmt: skip
    assert tuple(limits) == pytest.approx(value.domains.get(function, (-np.inf, np.inf)))
    assert stored["accuracy"]["on"] == pytest.approx(probed(value, function))
    for stated, found in zip(("absolute", "relative"), accuracy(value, function), strict=True):
        assert found == pytest.approx(stored["accuracy"][stated], rel=0.06, abs=1e-9)


PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"
MARK = "<!-- generated by `python -m bench.circuits`: do not edit below -->\n\n"


def test_the_page_is_what_the_code_says():
    """Here, where the accuracies have been measured anyway."""
    generated = PAGE.read_text().partition(MARK)[2]
    assert generated == markdown(), "run `python -m bench.circuits` and put it below the mark"


@pytest.mark.parametrize("protocol", tc.protocols.CATALOGUE)
def test_every_function_stands_in_its_file(protocol):
    stored = file(protocol)
    assert stored["protocol"] == protocol and stored["error"] == ERROR
    assert list(stored["functions"]) == list(FUNCTIONS)
    for function, body in stored["functions"].items():
        assert body.get("as") == same_as(tc.protocols.get(protocol), function)


def test_the_files_are_few_and_small():
    found = list(VECTORS.iterdir())
    assert {p.name for p in found} == {f"{p}.json" for p in tc.protocols.CATALOGUE}
    assert sum(p.stat().st_size for p in found) <= 150_000


# ---- the files against the oracles --------------------------------------------------------------------------

ORACLES = oracles.ORACLES | mp_spdz_oracles.ORACLES | spu_oracles.ORACLES
WITH_ORACLE = [(p, f) for p, f in CASES if p in ORACLES]


@each_case(WITH_ORACLE)
def test_the_vectors_are_the_oracles(protocol, function):
    stored = file(protocol)["functions"][function]
    honest, met = oracle(ORACLES[protocol], function, stored["x"])
    alike(stored["y"], honest.tolist())
    assert sorted(met) == sorted((n, "flip" in s) for n, s in stored["sites"].items())
    for name, is_bit in met:
        tampered, _ = oracle(ORACLES[protocol], function, stored["x"], {name: True if is_bit else ERROR})
        alike(stored["sites"][name]["flip" if is_bit else "add"], tampered.tolist())


@each_case([c for c in CASES if c[1] in ("exp", "reciprocal", "sigmoid", "softmax", "relu")])
def test_some_product_adds_its_error_to_the_output_of_an_activation(protocol, function):
    """Section 3: these end in a product; only a polynomial scales the errors of all its products."""
    stored = file(protocol)["functions"][function]
    plain = [
        name
        for name, site in stored["sites"].items()
        if "add" in site
        and np.allclose(numbers(site["add"]) - numbers(stored["y"]), ERROR, rtol=1e-6, atol=0)
    ]
    assert bool(plain) != (protocol == "tf-encrypted-pond")


def test_the_exact_protocol_is_the_true_function():
    for function in FUNCTIONS:
        stored = file("exact")["functions"][function]
        with jax.enable_x64(True):
            true = FUNCTIONS[function].f(jnp.asarray(stored["x"], jnp.float64))
        alike(stored["y"], np.asarray(true).tolist())
        (site,) = [s for s in stored["sites"].values() if "add" in s]
        alike(numbers(site["add"]) - ERROR, stored["y"])


def test_every_framework_has_an_oracle():
    assert set(ORACLES) == set(tc.protocols.CATALOGUE) - {"exact"}
