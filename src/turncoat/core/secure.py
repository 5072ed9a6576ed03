"""`secure`: a plain JAX function, evaluated as a passively secure protocol would evaluate it.

    secured = secure(step, protocol=crypten, engine=reals)
    params = secured(params, x, y, errors={"dense0/grad_weights": v})

The function is traced in its user's own configuration, the trace is flattened to a program, and the
program is evaluated value by value: public values by JAX, secret ones through the arithmetic black box.
On engines that hold JAX arrays the evaluation itself is compiled, so that XLA sees an ordinary program.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from turncoat.core import arguments, draws
from turncoat.core.abb import Box
from turncoat.core.arguments import Arguments
from turncoat.core.engine import Engine
from turncoat.core.errors import Errors, FiniteCheck, fit
from turncoat.core.evaluate import evaluate
from turncoat.core.exposure import Exposure
from turncoat.core.outputs import as_declared, hints
from turncoat.core.program import Program, trace
from turncoat.core.protocol import Protocol
from turncoat.core.reach import Exposed
from turncoat.core.shared import Shared
from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.core.values import Secret, is_secret, public, struct
from turncoat.refusal import Refusal

NOTHING: frozenset[str] = frozenset()
NO_ERRORS = Errors()


def secure(f: Callable, *, protocol: Protocol, engine: Engine, secret: Any = None) -> Secured:
    """`f` with the same signature plus `errors=`, evaluated under a protocol on an engine.

    `secret` marks arguments: a prefix pytree of the argument tuple, or a mapping from argument names, with
    True (secret), False (public) or None (the default rule, see `arguments`). Raises Refusal where `f`
    cannot be traced, does to secrets what no protocol offers, or an error fits no site.
    """
    return Secured(f, protocol, engine, secret)


class Secured:
    """A function under a protocol; call it like the plain function."""

    def __init__(self, f: Callable, protocol: Protocol, engine: Engine, secret: Any) -> None:
        if not callable(f):
            raise Refusal(f"secure needs a function, not {type(f).__name__}")
        functools.update_wrapper(self, f, updated=())
        self.f, self.protocol, self.engine, self.secret = f, protocol, engine, secret
        name = getattr(f, "__name__", type(f).__name__)
        self._classify = arguments.Classifier(name, secret, _signature(f), engine)
        self._plans: dict[Any, Plan] = {}
        self._check_finite = FiniteCheck()
        self._compiled = jax.jit(self._evaluate, static_argnums=(0, 1))
        # without errors nothing but the arguments is looked at: a call costs what the plain one costs
        self._honest = jax.jit(self._evaluate_honestly, static_argnums=0)

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
        key = self._key(randomness)
        if self.engine.traced:
            spec, values = self._classify.quickly(args, kwargs)
            try:
                return self._run(spec, values, errors, observe, key)
            except _Misfit:
                pass
        spec, values = self._classify(args, kwargs)
        return self._run(spec, values, errors, observe, key)

    def _key(self, given: Any) -> Any:
        """The key of a call; None on engines that draw nothing, whatever is given."""
        if not self.engine.random:
            return None
        return draws.default() if given is None else draws.checked(given)

    def _run(self, spec: Arguments, values: list[Any], errors: Any, observe: Iterable[str], key: Any) -> Any:
        if errors is None and not observe and self.engine.traced:
            return self._honest(spec, values, key)
        errors = Errors.of(errors)
        self._check_finite(errors)
        if not self.engine.traced and any(map(_traced, jax.tree.leaves((values, errors)))):
            raise Refusal(
                f"engine {self.engine.name!r} computes step by step: it cannot run under jit, vmap or grad"
            )
        run = self._compiled if self.engine.traced else self._evaluate
        out, seen = run(spec, frozenset(observe), values, errors, key)
        return (out, seen) if observe else out

    def on(self, engine: Engine) -> Secured:
        """The same function under the same protocol on another engine."""
        return Secured(self.f, self.protocol, engine, self.secret)

    def surface(self, *args: Any, **kwargs: Any) -> Surface:
        """The attack surface at arguments of these shapes (arrays or `jax.ShapeDtypeStruct`s)."""
        return self._plan(*self._classify(args, kwargs)).surface

    def walk(self, engine: Engine, enter: Callable[[str], Any], *args: Any, **kwargs: Any) -> list[Any]:
        """The outputs on an abstract engine, at arguments of these shapes (see `Plan.walk`)."""
        return self._plan(*self._classify(args, kwargs)).walk(engine, enter)[1]

    def _plan(self, spec: Arguments, values: list[Any]) -> Plan:
        key = (spec, tuple(map(_aval_key, values)))
        if key not in self._plans:
            plan = Plan(self, spec, values)
            if any(isinstance(c, jax.core.Tracer) for c in plan.program.captured):
                return plan  # a plan that holds tracers must not outlive their trace
            self._plans[key] = plan
        return self._plans[key]

    def _evaluate(
        self, spec: Arguments, observe: frozenset[str], values: list[Any], errors: Errors, key: Any
    ) -> Any:
        if not spec.fits(values):
            raise _Misfit
        plan = self._plan(spec, values)
        sites = plan.surface.sites if errors or observe else {}
        for name in observe:
            plan.surface[name]
        with self.engine.context():
            engine = self.engine.begin(key)
            box = Box(engine, self.protocol, evaluate, fit(errors, sites), sites, observe)
            dtypes = [a.dtype for a in plan.program.input_avals]
            entered = [spec.enter(box, i, v, dtypes[i]) for i, v in enumerate(values)]
            out = evaluate(plan.program, box, entered)
            _check_all_met(box, errors, observe)
            keep = spec.any_shared
            leaves = [self._leave(v, a, keep) for v, a in zip(out, plan.program.output_avals, strict=True)]
        return jax.tree.unflatten(plan.out_tree, leaves), box.seen

    def _evaluate_honestly(self, spec: Arguments, values: list[Any], key: Any) -> Any:
        return self._evaluate(spec, NOTHING, values, NO_ERRORS, key)[0]

    def _leave(self, value: Any, aval: Any, keep_shared: bool) -> Any:
        if not is_secret(value):
            return as_declared(public(value), aval)
        if keep_shared:
            return Shared(value.wire, value.aval, self.engine)
        return as_declared(self.engine.open(value.wire, value.aval), aval)


def _traced(value: Any) -> bool:
    return isinstance(value, jax.core.Tracer)


class _Misfit(Exception):
    """A call that was recognised by the types of its leaves has other dtypes or ranks."""


class Plan:
    """A function traced at one set of argument shapes, and (on demand) its attack surface."""

    def __init__(self, secured: Secured, spec: Arguments, values: list[Any]) -> None:
        self.secured, self.spec = secured, spec
        self.avals = [spec.aval(i, v) for i, v in enumerate(values)]
        self.out_tree: Any = None
        self.out_names: list[str] = []
        self.program = self._trace()
        if self.program.captured:
            shapes = ", ".join(str(list(np.shape(c))) for c in self.program.captured)
            warnings.warn(
                f"{spec.function} uses arrays that are not its arguments, of shapes {shapes}: they count as "
                "public; pass them as arguments if they are secret",
                stacklevel=2,
            )

    def _trace(self) -> Program:
        def flat(*leaves: Any) -> list[Any]:
            args, kwargs = self.spec.rebuild(leaves)
            out = self.secured.f(*args, **kwargs)
            paths, self.out_tree = jax.tree_util.tree_flatten_with_path(out)
            self.out_names = [arguments.path_name(path) or "result" for path, _ in paths]
            return [leaf for _, leaf in paths]

        try:
            return trace(flat, *self.avals)
        except Refusal:
            raise
        except (TypeError, jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
            reason = str(error).strip().splitlines()[0]
            raise Refusal(f"{self.spec.function} cannot be traced by JAX: {reason}") from error

    @functools.cached_property
    def surface(self) -> Surface:
        """Every site and its exposure, from one run on the abstract engine."""
        engine, protocol = Exposure(self.secured.engine), self.secured.protocol
        sites, found = self.walk(engine, lambda name: Exposed({}, frozenset({name})))
        outputs = [(n, v.wire) for n, v in zip(self.out_names, found, strict=True) if is_secret(v)]
        exposure = {s: {n: w.reach[s] for n, w in outputs if s in w.reach} for s in sites}
        names = tuple(n for n, _ in outputs)
        remarks = hints(self.program), self.secured.engine.notes(lambda *given: self.walk(*given)[1])
        return Surface(sites, exposure, names, protocol.name, engine.name, *remarks)

    def walk(self, engine: Engine, enter: Callable[[str], Any]) -> tuple[dict[str, Site], list[Any]]:
        """The sites and the outputs of one run on an abstract engine.

        Public arguments are traced; `enter` makes the wire of a secret one from its name.
        """
        box = Box(engine, self.secured.protocol, evaluate, locate=True)
        found: list[Any] = []

        def abstract(i: int, aval: Any) -> Secret:
            name = self.spec.names[i]
            return Secret(enter(name), struct(aval.shape, aval.dtype), frozenset({name}), box)

        def run(publics: dict[int, Any]) -> int:
            inputs = [publics[i] if i in publics else abstract(i, a) for i, a in enumerate(self.avals)]
            found[:] = evaluate(self.program, box, inputs)
            return 0

        jax.eval_shape(run, {i: a for i, a in enumerate(self.avals) if not self.spec.is_secret(i)})
        return dict(box.sites), found


def _check_all_met(box: Box, errors: Errors, observe: frozenset[str]) -> None:
    """No error is lost, and everything to be observed was seen."""
    lost = [n for n in errors if n not in box.sites]
    assert not lost, f"the evaluation did not meet the sites {lost} of its own surface"
    unseen = [n for n in observe if n not in box.seen]
    if unseen and box.sites[unseen[0]].kind == "gate":
        raise Refusal(f"site {unseen[0]!r} lies inside a comparison: observe the comparison itself")
    if unseen:
        raise Refusal(f"site {unseen[0]!r} lies in a branch or while loop, where it cannot be observed")


def _signature(f: Callable) -> inspect.Signature | None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return None
    taken = {"errors", "observe", "randomness"} & set(signature.parameters)
    if taken:
        raise Refusal(
            f"the function has a parameter {taken.pop()!r} of its own, which secure() adds: rename it"
        )
    return signature


def _aval_key(value: Any) -> tuple:
    aval = value.aval if isinstance(value, Shared) else value
    if isinstance(aval, int | float | complex):
        return (type(aval),)
    return tuple(np.shape(aval)), aval.dtype, bool(getattr(aval, "weak_type", False))
