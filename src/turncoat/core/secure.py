"""`secure`: a plain JAX function, evaluated as a passively secure protocol would evaluate it.

    secured = secure(step, protocol=crypten, engine=reals)
    params = secured(params, x, y, errors={"dense0/grad_weights": v})

A call goes through four steps: its leaves are told apart (`arguments`), the function is traced to a flat
program in its user's own configuration (`program`), the program is walked value by value (`evaluate`), public
values by JAX, secret ones through the black box (`abb`), and the results leave as the function declares them.
On engines that hold JAX arrays the walk is compiled, so that XLA sees an ordinary program.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from turncoat.core import arguments, draws, parts, secrecy
from turncoat.core.abb import Box
from turncoat.core.arguments import Arguments
from turncoat.core.engine import Engine, Values
from turncoat.core.errors import Errors, check_finite, fit
from turncoat.core.evaluate import evaluate
from turncoat.core.exposure import Exposure
from turncoat.core.masks import for_masks
from turncoat.core.names import Names
from turncoat.core.narrow import is_narrow, wide_value, widened
from turncoat.core.protocol import Protocol
from turncoat.core.reach import Exposed
from turncoat.core.shared import Shared, as_declared, leaving
from turncoat.core.static import Numbers, Texts
from turncoat.core.surface import Surface, by_passes, hints
from turncoat.core.traced import traced
from turncoat.core.values import Aval, Secret, Value, is_secret, public, struct
from turncoat.functions import REVEAL
from turncoat.refusal import Refusal


def secure(
    f: Callable[..., Any],
    *,
    protocol: Protocol,
    engine: Engine,
    secret: Any = None,
    static_argnums: Numbers = (),
    static_argnames: Texts = (),
    bound: int | None = None,
) -> Secured:
    """`f` with the same signature plus `errors=`, evaluated under a protocol on an engine.

    `secret` marks arguments: a prefix pytree of the argument tuple, or a mapping from argument names, with
    True (secret), False (public) or None (the default rule, see `arguments`). Static arguments are part of
    the program, as for `jax.jit`; `bound` is how many passes a loop makes that a secret would end. Raises Refusal
    where `f` cannot be traced, changes in place what it does not return, does to secrets what no protocol
    offers, or an error fits no site.
    """
    return Secured(f, protocol, engine, secret, (static_argnums, static_argnames), bound)


class Secured:
    """A function under a protocol; call it like the plain function."""

    def __init__(
        self,
        f: Callable[..., Any],
        protocol: Protocol,
        engine: Engine,
        secret: Any,
        static: tuple[Any, Any] = ((), ()),
        bound: int | None = None,
    ) -> None:
        if not callable(f):
            raise Refusal(f"secure needs a function, not {type(f).__name__}")
        functools.update_wrapper(self, f, updated=())
        self.f, self.protocol, self.engine, self.secret, self.static = f, protocol, engine, secret, static
        self.bound = bound
        self._classify = arguments.Classifier(f, secret, engine, static)
        self._plans: dict[Any, Plan] = {}
        self._compiled = jax.jit(self._evaluate, static_argnums=(0, 1))

    def __call__(
        self,
        *args: Any,
        errors: Any = None,
        observe: Iterable[str] = (),
        randomness: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The function's value; with `observe`, also a dict of the values at the sites of these names.

        `randomness` is a typed key, for engines that draw any: give each step of a run another one. Without
        it, all calls draw the same.
        """
        spec, values = self._classify(args, kwargs)
        observe, errors = frozenset(observe), Errors.of(errors)
        check_finite(errors)
        if errors and self.engine.check is not None:
            sites = self._plan(spec, values).surface.sites
            for name in errors.keys() & sites.keys():
                self.engine.check(sites[name], errors[name])
        key = draws.chosen(randomness) if self.engine.random else None
        if self.engine.traced:
            out, seen = parts.call(self._compiled, (spec, observe), (values, errors, key), self.engine)
        elif any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((values, errors))):
            raise Refusal(
                f"engine {self.engine.name!r} computes step by step: it cannot run under jit, vmap or grad"
            )
        else:
            out, seen = self._evaluate(spec, observe, values, errors, key)
        return (out, seen) if observe else out

    def _evaluate(
        self, spec: Arguments, observe: frozenset[str], values: list[Any], errors: Errors, key: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The outputs, and what was observed: one walk through the program."""
        plan = self._plan(spec, values)
        sites = plan.surface.sites if errors or observe else {}
        for name in observe:
            plan.surface[name]  # an unknown one is refused
        program = plan.program
        with self.engine.context():
            engine = self.engine.begin(key)
            box = Box(engine, plan.protocol, evaluate, Names(), fit(errors, sites), sites, observe)
            box.bound = self.bound
            dtypes = [a.dtype for a in program.input_avals]
            entered = [spec.enter(box, i, v, dtypes[i]) for i, v in enumerate(values)]
            out = evaluate(program, box, entered)
            _check_all_met(box, errors)
            avals, keep = program.output_avals, spec.any_shared
            leaves = [self._leave(box, v, a, keep) for v, a in zip(out, avals, strict=True)]
        return jax.tree.unflatten(plan.out_tree, leaves), box.seen

    def _leave(self, box: Box, value: Value, aval: Any, keep_shared: bool) -> Any:
        if not is_secret(value):
            return as_declared(public(value), aval)
        if keep_shared:
            value = box.lift(value, aval.dtype) if is_narrow(aval.dtype) else value
            return Shared(leaving(box.engine, value.wire), value.aval, self.engine)
        return as_declared(box.engine.open(value.wire, value.aval), aval)

    def on(self, engine: Engine) -> Secured:
        """The same function under the same protocol on another engine."""
        return Secured(self.f, self.protocol, engine, self.secret, self.static, self.bound)

    def surface(self, *args: Any, **kwargs: Any) -> Surface:
        """The attack surface at arguments of these shapes (arrays or `jax.ShapeDtypeStruct`s)."""
        return self._plan(*self._classify(args, kwargs)).surface

    def refusals(self, *args: Any, **kwargs: Any) -> tuple[str, ...]:
        """Everything that would be refused at arguments of these shapes, each with its line and what to do.

        Empty if nothing is. What follows a refused operation is looked at as if its result were there.
        """
        refused: dict[str, None] = {}
        plan = self._plan(*self._classify(args, kwargs))
        plan.walk(Exposure(self.engine), lambda name: Exposed({}, frozenset({name})), refused)
        return tuple(refused)

    def walk(self, engine: Engine, enter: Callable[[str], Any], *args: Any, **kwargs: Any) -> Values:
        """The outputs on an abstract engine, at arguments of these shapes (see `Plan.walk`)."""
        return self._plan(*self._classify(args, kwargs)).walk(engine, enter)[1]

    def _plan(self, spec: Arguments, values: list[Any]) -> Plan:
        avals = [spec.aval(i, v) for i, v in enumerate(values)]
        key = (spec, *map(_hashable, avals))
        if key not in self._plans:
            plan = Plan(self, spec, avals)
            if any(isinstance(c, jax.core.Tracer) for c in plan.program.captured):
                return plan  # a plan that holds tracers must not outlive their trace
            self._plans[key] = plan
        return self._plans[key]


class Plan:
    """A function traced at one set of argument shapes, and (on demand) its attack surface."""

    def __init__(self, secured: Secured, spec: Arguments, avals: list[Any]) -> None:
        self.secured, self.spec, self.avals = secured, spec, avals
        self.program, self.out_tree, self.out_names = traced(secured.f, spec, avals)
        self.protocol = for_masks(secured.protocol, self.program)
        if self.program.captured:
            shapes = ", ".join(str(list(np.shape(c))) for c in self.program.captured)
            warnings.warn(
                f"{spec.function} uses arrays that are not its arguments, of shapes {shapes}: they count as "
                "public; pass them as arguments if they are secret",
                stacklevel=2,
            )

    @functools.cached_property
    def surface(self) -> Surface:
        """Every site and its exposure, from one run on the abstract engine."""
        engine, protocol = self.secured.engine, self.protocol
        exposure = Exposure(engine)
        names, found = self.walk(exposure, lambda name: Exposed({}, frozenset({name})))
        decided = self._by_revealed()
        outputs = {
            n: exposure.named(v, d, names.sites)
            for n, v, d in zip(self.out_names, found, decided, strict=True)
            if is_secret(v) or d
        }
        passes = by_passes(outputs, names.sites)
        notes = engine.notes(lambda *given: self.walk(*given)[1])
        return Surface(
            names.sites, passes, tuple(outputs), protocol.name, engine.name, hints(self.program), notes
        )

    def _by_revealed(self) -> list[bool]:
        """Which outputs depend on what the program reveals."""
        marked = [frozenset[str]() if self.spec.is_secret(i) else None for i in range(len(self.avals))]
        found = secrecy.outputs(self.program, marked, frozenset({REVEAL}))
        return [REVEAL in (s or ()) for s in found]

    def walk(
        self, engine: Engine, enter: Callable[[str], Any], refused: dict[str, None] | None = None
    ) -> tuple[Names, Values]:
        """The names given and the outputs, of one run on an abstract engine.

        Public arguments are traced; `enter` makes the wire of a secret one from its name. Refusals are
        collected as keys of `refused`, if it is given.
        """
        box = Box(engine, self.protocol, evaluate, Names(locate=True))
        box.refused, box.bound = refused, self.secured.bound
        found: Values = []

        def abstract(name: str, aval: Aval) -> Secret:
            return Secret(enter(name), struct(aval.shape, widened(aval.dtype)), frozenset({name}), box)

        def run(publics: dict[int, Any]) -> int:
            each = enumerate(zip(self.spec.names, self.avals, strict=True))
            inputs = [wide_value(publics[i]) if i in publics else abstract(n, a) for i, (n, a) in each]
            found[:] = evaluate(self.program, box, inputs)
            return 0

        jax.eval_shape(run, {i: a for i, a in enumerate(self.avals) if not self.spec.is_secret(i)})
        return box.names, found


def _check_all_met(box: Box, errors: Errors) -> None:
    """No error is lost, and everything to be observed was seen."""
    sites = box.names.sites
    lost = [n for n in errors if n not in sites]
    assert not lost, f"the evaluation did not meet the sites {lost} of its own surface"
    unseen = [n for n in box.observe if n not in box.seen]
    inside = {"gate": "a comparison", "xor-product": "a bit's conversion"}
    if unseen and (kind := sites[unseen[0]].kind) in inside:
        whole = unseen[0].rpartition("/")[0]
        raise Refusal(f"site {unseen[0]!r} lies inside {inside[kind]}: observe {whole!r} itself")
    if unseen:
        raise Refusal(f"site {unseen[0]!r} lies in a branch or while loop, where it cannot be observed")


def _hashable(aval: Any) -> Any:
    """What a trace depends on: of a public Python number its type alone."""
    return (aval.shape, aval.dtype, aval.weak_type) if hasattr(aval, "weak_type") else type(aval)
