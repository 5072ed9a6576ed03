"""Additive errors as values: what one corrupt party adds, and where (section 2.2 and Fig. 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from turncoat.core.sites import Site
from turncoat.refusal import Refusal, nearest


@jax.tree_util.register_pytree_with_keys_class
class Errors(Mapping[str, Any]):
    """A mapping from site names to errors: numbers added at arithmetic sites, bits XORed at Boolean ones.

    Each array has exactly its site's shape (inside a `scan` with a leading iteration axis, or without it:
    one error for all iterations). It is a pytree of two parts, `add` (differentiable) and `flip`, and passes
    through `jit`, `vmap`, `scan` and `grad`. Values are never changed in place.
    """

    __slots__ = ("add", "flip")

    def __init__(self, errors: Mapping[str, Any] | None = None) -> None:
        self.add: dict[str, Any] = {}
        self.flip: dict[str, Any] = {}
        for name, value in (errors or {}).items():
            value = value if hasattr(value, "dtype") else _array(name, value)
            (self.flip if jnp.result_type(value) == np.bool_ else self.add)[name] = value

    @classmethod
    def of(cls, errors: Errors | Mapping[str, Any] | None) -> Errors:
        """Errors from a mapping, from themselves, or none at all."""
        if errors is None or isinstance(errors, Mapping):
            return errors if isinstance(errors, cls) else cls(errors)
        raise Refusal(f"errors must map site names to arrays, not {type(errors).__name__}")

    @classmethod
    def _parts(cls, add: dict[str, Any], flip: dict[str, Any]) -> Errors:
        new = cls()
        new.add, new.flip = add, flip
        return new

    # a mapping
    def __getitem__(self, name: str) -> Any:
        return self.add[name] if name in self.add else self.flip[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.add
        yield from self.flip

    def __len__(self) -> int:
        return len(self.add) + len(self.flip)

    def __repr__(self) -> str:
        rows = (f"{n!r}: {jnp.result_type(v)}{list(np.shape(v))}" for n, v in self.items())
        return f"Errors({{{', '.join(rows)}}})"

    # a pytree
    def tree_flatten_with_keys(self) -> tuple[tuple[Any, Any], None]:
        key = jax.tree_util.GetAttrKey
        return ((key("add"), self.add), (key("flip"), self.flip)), None

    @classmethod
    def tree_unflatten(cls, _: None, children: Any) -> Errors:
        return cls._parts(*children)

    # algebra
    def combine(self, other: Errors | Mapping[str, Any]) -> Errors:
        """Both errors at once: numbers add, bits XOR. Commutative and associative."""
        other = Errors.of(other)
        for name in {*self.add, *other.add} & {*self.flip, *other.flip}:
            raise Refusal(f"site {name!r} cannot take numbers and bits at once")
        return Errors._parts(
            _merge(self.add, other.add, jnp.add), _merge(self.flip, other.flip, jnp.logical_xor)
        )

    def restrict(self, names: Iterable[str] | Callable[[str], bool]) -> Errors:
        """Only the errors at these sites, or at those that the predicate takes.

        A name that has no error here is refused: a misspelt one would silently do nothing.
        """
        if callable(names):
            return Errors({n: v for n, v in self.items() if names(n)})
        chosen = frozenset(names)
        for name in chosen - set(self):
            raise Refusal(f"there is no error at {name!r}; the nearest are {nearest(name, self)}")
        return Errors({n: self[n] for n in self if n in chosen})

    def scale(self, strength: Any) -> Errors:
        """The numbers times a strength; bits stay as they are."""
        return Errors._parts({n: v * strength for n, v in self.add.items()}, self.flip)

    def at_steps(self, step: Any, first: Any, last: Any | None = None) -> Errors:
        """These errors in steps first to last (by default that one step only), none in others.

        A `where` on the step counter, so that no array over all steps exists.
        """
        on = (step >= first) & (step <= (first if last is None else last))
        return self._where(lambda _: on)

    def for_examples(self, examples: Any, axis: int = 0) -> Errors:
        """These errors for the chosen examples of a batch only.

        `examples` is a Boolean array over the batch, and `axis` the site's batch axis, counted without
        iteration axes from the front. A site that has no axis of the batch's size there is refused: a
        contracted batch has no per-example error.
        """
        if axis < 0:
            raise Refusal(f"the batch axis is counted from the front: give 0, 1, ..., not {axis}")
        batch = np.shape(examples)
        if len(batch) != 1 or jnp.result_type(examples) != np.bool_:
            raise Refusal("choose examples by a one-dimensional Boolean array over the batch")
        for name, value in self.items():
            shape = np.shape(value)
            if axis >= len(shape) or shape[axis] != batch[0]:
                raise Refusal(
                    f"the error at {name!r} has shape {list(shape)}, whose axis {axis} is not the batch of "
                    f"{batch[0]}: a site that sums over the batch has no per-example error"
                )

        def chosen(value: Any) -> Any:
            return jnp.reshape(examples, [batch[0] if d == axis else 1 for d in range(np.ndim(value))])

        return self._where(chosen)

    def count(self) -> Any:
        """How many products are tampered with: the number of non-zero entries (a traced integer)."""
        return sum((jnp.count_nonzero(v) for v in self.values()), start=jnp.zeros((), jnp.int32))

    def _where(self, on: Callable[[Any], Any]) -> Errors:
        add = {n: jnp.where(on(v), v, jnp.zeros((), jnp.result_type(v))) for n, v in self.add.items()}
        return Errors._parts(add, {n: v & on(v) for n, v in self.flip.items()})


def _array(name: str, value: Any) -> Any:
    """A number or nested list as an array."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise Refusal(f"the error at {name!r} must be an array of numbers or Booleans")
    return array


def _merge(a: dict[str, Any], b: dict[str, Any], join: Callable[[Any, Any], Any]) -> dict[str, Any]:
    return {n: join(a[n], b[n]) if n in a and n in b else a.get(n, b.get(n)) for n in {**a, **b}}


def check_finite(errors: Errors) -> None:
    """Refuses NaN and infinity wherever the values are known (not while tracing)."""
    for name, value in errors.add.items():
        if isinstance(value, jax.core.Tracer):
            continue
        with np.errstate(over="ignore"):  # as the evaluation will hold it: 1e39 is infinite in float32
            held = np.asarray(value).astype(jax.dtypes.canonicalize_dtype(value.dtype), copy=False)
        if not np.all(np.isfinite(held)):
            raise Refusal(f"the error at {name!r} holds NaN or infinity: a ring has neither")


def fit(errors: Errors, sites: Mapping[str, Site]) -> dict[str, Any]:
    """The errors as arrays of their sites' dtypes.

    Raises Refusal for an unknown site (naming the nearest), a wrong shape, or a number at a bit site and
    the reverse: an attack that silently does nothing is the worst fault of an audit.
    """
    return {name: _fit(name, value, _site(name, sites)) for name, value in errors.items()}


def _site(name: str, sites: Mapping[str, Site]) -> Site:
    if name in sites:
        return sites[name]
    raise Refusal(f"there is no site {name!r} here; the nearest are {nearest(name, sites)}")


def _fit(name: str, value: Any, site: Site) -> Any:
    dtype = jnp.result_type(value)
    if site.is_bit and dtype != np.bool_:
        raise Refusal(f"site {name!r} is a bit: give True where it is to be flipped, not {dtype} numbers")
    if not site.is_bit and dtype == np.bool_:
        raise Refusal(f"site {name!r} is arithmetic: give the numbers to add, not Booleans")
    if np.issubdtype(site.dtype, np.integer) and not np.issubdtype(dtype, np.integer):
        raise Refusal(f"site {name!r} is an integer: give integers to add, not {dtype} numbers")
    if jnp.issubdtype(dtype, np.complexfloating) or not (
        jnp.issubdtype(dtype, np.number) or dtype == np.bool_
    ):
        raise Refusal(f"the error at {name!r} must be real numbers or Booleans, not {dtype}")
    shapes = [site.loops[d:] + site.shape for d in range(len(site.loops) + 1)]
    if np.shape(value) not in shapes:
        said = " or ".join(str(list(s)) for s in dict.fromkeys(shapes))
        raise Refusal(f"the error at {name!r} has shape {list(np.shape(value))}; the site has {said}")
    return jnp.asarray(value).astype(site.dtype)
