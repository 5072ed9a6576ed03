"""How a client's own functions are reached: what it compiles, or gives to SPU, is judged at its first call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax

from bench.clients.judge import Program

Report = Callable[[Program], Any]


class Compiled:
    """What a client gets for `jax.jit(f)`: the first call with values is a program, all are computed plainly."""

    def __init__(self, f: Callable[..., Any], report: Report, plain: Any, options: dict[str, Any]) -> None:
        functools.update_wrapper(self, f, updated=())
        self.f, self.report, self.plain, self.met = f, report, plain, False
        self.static = {
            k: options[k] for k in ("static_argnums", "static_argnames") if options.get(k) is not None
        }

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves = jax.tree.leaves((args, kwargs))
        traced = any(isinstance(x, jax.core.Tracer) for x in [*leaves, jax.numpy.zeros(())])
        if not self.met and not traced:
            self.met = True
            name = getattr(self.f, "__name__", type(self.f).__name__)
            self.report(Program(name, self.f, args, kwargs, **self.static))
        return self.plain(*args, **kwargs)


def own(f: Any, folder: str) -> bool:
    """Whether a function is a client's, of a file below this folder or of a notebook's cell."""
    while isinstance(f, functools.partial) or hasattr(f, "__wrapped__"):
        f = f.func if isinstance(f, functools.partial) else f.__wrapped__
    code = getattr(getattr(f, "__func__", f), "__code__", None)
    return code is None or code.co_filename.startswith((folder, "<cell"))


def jit(report: Report, folder: str) -> Callable[..., Any]:
    """A stand-in for `jax.jit`, in each of the forms it is called in."""
    plain = jax.jit

    @functools.wraps(plain)
    def standing(f: Any = None, **options: Any) -> Any:
        if f is None or not callable(f):
            return functools.partial(standing, **options)
        compiled = plain(f, **options)
        return Compiled(f, lambda p: report(of_state(p)), compiled, options) if own(f, folder) else compiled

    return standing


def filter_jit(report: Report, folder: str) -> Callable[..., Any]:
    """A stand-in for `equinox.filter_jit`; the program returns the arrays of what the client's function returns."""
    import equinox as eqx

    plain = eqx.filter_jit

    def standing(f: Any = None, **options: Any) -> Any:
        if f is None:
            return functools.partial(standing, **options)
        if not own(f, folder):
            return plain(f, **options)

        @functools.wraps(f)
        def arrays(*args: Any, **kwargs: Any) -> Any:
            return eqx.filter(f(*args, **kwargs), eqx.is_array)

        def compiled(program: Program) -> None:
            report(replace(program, plain=plain(arrays)))

        return Compiled(arrays, compiled, plain(f, **options), {})

    return standing


def nnx_jit(report: Report, folder: str) -> Callable[..., Any]:
    """A stand-in for `flax.nnx.jit`; the program is given the state of its arguments, and returns the changed one."""
    from flax import nnx

    plain = nnx.jit

    def standing(f: Any = None, **options: Any) -> Any:
        if f is None:
            return functools.partial(standing, **options)
        if not own(f, folder):
            return plain(f, **options)
        return Compiled(f, lambda p: report(pure(p)), plain(f, **options), options)

    return standing


def of_state(program: Program) -> Program:
    """The program, or where it is given a module of flax, which it changes in place, the pure one."""
    from flax import nnx

    modules = any(isinstance(a, nnx.Module | nnx.Optimizer) for a in program.args)
    return pure(program) if modules else program


def pure(program: Program) -> Program:
    """An in-place step as a function from the state of its arguments to what it returns and the new state."""
    from flax import nnx

    bound = inspect.signature(program.f).bind(*program.args, **program.kwargs)
    graph, state = nnx.split((bound.args, bound.kwargs))

    def step(state: Any) -> Any:
        args, kwargs = nnx.merge(graph, state)
        out = program.f(*args, **kwargs)
        return nnx.state((out, args, kwargs))

    step.__name__ = program.name
    return Program(program.name, step, (state,), {})
