"""Loops and branches: each site inside stands once, with an error per iteration or one for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import jaxpr_as_fun

from turncoat.core import secrecy
from turncoat.core.abb import Box
from turncoat.core.engine import Passed, Values
from turncoat.core.exposure import Exposure
from turncoat.core.names import Frame
from turncoat.core.program import Op, Program, in_place_of
from turncoat.core.reach import Exposed
from turncoat.core.rules.cases import one_of
from turncoat.core.rules.table import refusal, rule
from turncoat.core.values import Secret, Splat, Value, is_secret, public, shape_of
from turncoat.functions import REVEAL


def _secrecy(value: Value) -> secrecy.Secrecy:
    return value.origin if is_secret(value) else None


def _as(box: Box, value: Value, want: secrecy.Secrecy, aval: Any) -> Value:
    """A value made as secret as a loop's fixpoint says, with the loop's shape, dtype and origin."""
    if want is None:
        return _plain(value, aval)
    secret = box.constant(value)
    return Secret(secret.wire, secret.aval, want, box)


def _plain(value: Value, aval: Any) -> Value:
    if jnp.issubdtype(aval.dtype, jax.dtypes.extended):
        return value
    array = jnp.asarray(public(value), aval.dtype)
    return jnp.broadcast_to(array, aval.shape) if isinstance(value, Splat) else array


@rule("scan")
def scan(box: Box, op: Op, values: Values) -> Value:
    (body,), p = op.bodies, op.params
    consts, n_carry, length = values[: p["num_consts"]], p["num_carry"], p["length"]
    start, xs = values[len(consts) : len(consts) + n_carry], values[len(consts) + n_carry :]
    carry_secrecy, ys_secrecy = secrecy.carried(
        body, [_secrecy(c) for c in consts], [_secrecy(c) for c in start], [_secrecy(x) for x in xs]
    )
    outs = body.output_avals
    carry = [_as(box, c, s, a) for c, s, a in zip(start, carry_secrecy, outs[:n_carry], strict=True)]
    if length == 0:
        return [*carry, *_no_rows(box, ys_secrecy, outs[n_carry:])]
    per_pass, frame = _sliced(box, length), box.names.frame
    seen_names: list[str] = []

    def step(carry: Values, rows: Values) -> Passed:
        row, errors = rows[: len(xs)], dict(zip(per_pass, rows[len(xs) :], strict=True))
        saved, box.seen = box.seen, {}
        with box.body(frame, (length,), errors):
            out = box.run(body, [*consts, *carry, *row])
        seen_names[:] = list(box.seen)
        extra, box.seen = list(box.seen.values()), saved
        wants = [*carry_secrecy, *ys_secrecy]
        out = [_as(box, v, s, a) for v, s, a in zip(out, wants, outs, strict=True)]
        return out[:n_carry], out[n_carry:] + extra

    rows = [*xs, *per_pass.values()]
    carry, ys = box.engine.scan(step, carry, rows, length, p["reverse"])
    box.seen.update(zip(seen_names, ys[len(ys_secrecy) :], strict=True))
    return [*carry, *ys[: len(ys_secrecy)]]


def _no_rows(box: Box, wants: list[secrecy.Secrecy], avals: tuple[Any, ...]) -> Values:
    """The stacked outputs of a loop without iterations."""
    empty = [jnp.zeros((0, *a.shape), a.dtype) for a in avals]
    return [e if w is None else _as(box, box.constant(e), w, None) for e, w in zip(empty, wants, strict=True)]


def _sliced(box: Box, length: int) -> dict[str, Any]:
    """The errors of sites inside the coming scan that have an entry per iteration of it."""
    depth = len(box.names.loops)
    inside = {n: s for n, s in box.inventory.items() if len(s.loops) > depth}
    return {
        name: error
        for name, error in box.errors.items()
        if name in inside
        and np.ndim(error) == len(inside[name].shape) + len(inside[name].loops) - depth
        and inside[name].loops[depth] == length
    }


@rule("while")
def while_(box: Box, op: Op, values: Values) -> Value:
    test, body = op.bodies
    c, b = op.params["cond_nconsts"], op.params["body_nconsts"]
    test_consts, consts, start = values[:c], values[c : c + b], values[c + b :]
    wants, _ = secrecy.carried(body, [_secrecy(v) for v in consts], [_secrecy(v) for v in start], [])
    (predicate,) = secrecy.outputs(test, [*map(_secrecy, test_consts), *wants])
    if predicate is not None:
        return _bounded(box, op, values, predicate)
    avals = body.output_avals

    batched = bool(test.output_avals[0].shape)  # each of a batch then keeps what it has when it is done

    def goes_on(carry: Values) -> Any:
        return jnp.asarray(public(box.run(test, [*test_consts, *carry[: len(wants)]])[0]))

    # where the test reveals something it has sites: it then stands behind the body, and once before the loop
    reveals = any(o.name == REVEAL for o in test.sub_ops())
    carry = [_as(box, v, s, a) for v, s, a in zip(start, wants, avals, strict=True)]
    more = [goes_on(carry)] if reveals else []
    frame = box.names.frame

    def step(carry: Values) -> Values:
        with box.body(frame), box.unobserved():
            out = box.run(body, [*consts, *carry[: len(wants)]])
            if batched:
                active = carry[-1] if reveals else goes_on(carry)
                out = [_where(box, active, n, o) for n, o in zip(out, carry, strict=False)]
            out = [_as(box, v, s, a) for v, s, a in zip(out, wants, avals, strict=True)]
            return [*out, goes_on(out)] if reveals else out

    done = box.engine.while_loop(lambda c: jnp.any(c[-1] if reveals else goes_on(c)), step, [*carry, *more])
    return done[: len(wants)]


def _where(box: Box, active: Any, new: Value, old: Value) -> Value:
    """The new value for those of a batch that go on, along the leading axes; the old one for the others."""
    if not is_secret(new) and not is_secret(old):
        return jnp.where(_leading(active, shape_of(new)), public(new), public(old))
    return box.select(jnp.broadcast_to(_leading(active, shape_of(new)), shape_of(new)), new, old)


def _leading(active: Any, shape: tuple[int, ...]) -> Any:
    return jnp.reshape(active, (*active.shape, *[1] * (len(shape) - active.ndim)))


def _bounded(box: Box, op: Op, values: Values, because: frozenset[str]) -> Value:
    """A fixed number of passes, each of which keeps what it had once the predicate has failed.

    A selection for each carry, as users of SPU write it, which refuses such loops.
    """
    c, b = op.params["cond_nconsts"], op.params["body_nconsts"]
    test, body = (jaxpr_as_fun(op.params[k]) for k in ("cond_jaxpr", "body_jaxpr"))  # with their own scopes
    if not box.bound or box.bound < 0:
        hint = "reveal its condition by tc.reveal, so that all parties learn it, or give secure a bound= of passes"
        raise refusal(op, values, "a while loop runs as long as a secret says", hint, because)
    if any(jnp.issubdtype(a.dtype, jax.dtypes.extended) for a in op.avals):
        raise refusal(op, values, "a key is chosen by a secret", "draw the numbers before the loop", because)

    def rounds(*values: Any) -> Any:
        known, consts, start = values[:c], values[c : c + b], values[c + b :]

        def one(state: Any, _: None) -> Any:
            carry, active = state
            active = active & test(*known, *carry)[0]
            new = body(*consts, *carry)
            kept = [jnp.where(_leading(active, n.shape), n, o) for n, o in zip(new, carry, strict=True)]
            return (kept, active), None

        go = jnp.ones(op.bodies[0].output_avals[0].shape, bool)
        return lax.scan(one, (list(start), go), None, length=box.bound)[0][0]

    avals = [jax.ShapeDtypeStruct(shape_of(v), v.dtype) for v in values]  # type: ignore[no-untyped-call]
    return box.run(in_place_of(op, rounds, *avals), values)


@rule(REVEAL)
def reveal(box: Box, op: Op, values: Values) -> Value:
    return box.reveal(values[0])


@rule("cond")
def cond(box: Box, op: Op, values: Values) -> Value:
    index, *operands = values
    if is_secret(index):
        return _all_branches(box, op, index, operands)
    each = [secrecy.outputs(body, [_secrecy(v) for v in operands]) for body in op.bodies]
    wants = [secrecy.join(column) for column in zip(*each, strict=True)]
    starts, end = _frames(box, op, operands)

    def branch(frame: Frame, body: Program) -> Callable[[], Values]:
        def run() -> Values:
            with box.body(frame), box.unobserved():
                out = box.run(body, operands)
            return [_as(box, v, s, a) for v, s, a in zip(out, wants, op.avals, strict=True)]

        return run

    branches = [branch(start, body) for start, body in zip(starts, op.bodies, strict=True)]
    out = box.engine.switch(jnp.asarray(public(index), jnp.int32), branches)
    box.names.frame = end
    return out


def _all_branches(box: Box, op: Op, index: Secret, operands: Values) -> Values:
    """Every branch is computed, and each result selected (SPU: IfElse and Case, kernel/hlo/control_flow.cc)."""
    if any(jnp.issubdtype(a.dtype, jax.dtypes.extended) for a in op.avals):
        raise refusal(op, [index], "a key is chosen by a secret", "choose among the numbers drawn from it")
    columns = []
    for body in op.bodies:
        with box.body(box.names.frame):
            columns.append(box.run(body, operands))
    rows = zip(*columns, op.avals, strict=True)
    return [one_of(box, index, [_shaped(v, a) for v in row], "select") for *row, a in rows]


def _shaped(value: Value, aval: Any) -> Value:
    return value if is_secret(value) else _plain(value, aval)


def _frames(box: Box, op: Op, operands: Values) -> tuple[list[Frame], Frame]:
    """What names each branch starts from, and those after the last.

    Found by walking the branches on the abstract engine, so that a site's name does not depend on which
    branch an engine runs, or how often it is traced.
    """
    dry = box.abstract(Exposure(box.engine))
    abstract = [Secret(Exposed({}, v.origin), v.aval, v.origin, dry) if is_secret(v) else v for v in operands]
    frames = [dry.names.frame]
    for body in op.bodies:
        with dry.body(frames[-1]):
            dry.run(body, abstract)
        frames.append(dry.names.frame)
    box.names.sites.update(dry.names.sites)
    return frames[:-1], box.names.frame.after(frames[-1])
