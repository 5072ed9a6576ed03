"""What an error at a site really does to each output, measured: the oracle for the derived exposure.

Nothing here knows how exposure is derived. The step is run in double precision with random secrets and
random errors e and 2e, and the difference to the honest run is looked at.
"""

import inspect
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

ORDER = ("none", "shift", "tied", "scaled", "bent")


@dataclass(frozen=True)
class Measured:
    """A class, and for `scaled` the arguments on which the coefficient was seen to depend."""

    kind: str
    by: frozenset = frozenset()

    def __str__(self):
        return f"scaled({', '.join(sorted(self.by))})" if self.kind == "scaled" else self.kind


def at_most(measured, derived):
    """Whether a derived class (None: no path) is no more optimistic than the measured one."""
    if derived is None:
        return measured.kind == "none"
    if derived.kind == "shift":
        return measured.kind == "shift"
    if derived.kind == "scaled" and measured.kind == "scaled":
        return measured.by <= derived.by
    return ORDER.index(measured.kind) <= ORDER.index(derived.kind)


class BlackBox:
    """One secured step at arguments of fixed shapes; `draw(name, value, rng)` makes new secrets."""

    def __init__(self, step: Any, args: tuple, draw: Any = None, trials: int = 3) -> None:
        self.surface = step.surface(*args)
        self.parameters = list(inspect.signature(step).parameters)
        self.rng = np.random.default_rng(7)
        with jax.enable_x64(True):
            self.names, self.secrets = self._secrets(args, draw or normal, trials)
            wide = jax.tree.map(_double, args)
            leaves, tree = jax.tree.flatten(wide)
            self.sites = {s.name: s for s in step.surface(*wide)}
            assert list(self.sites) == list(self.surface.sites)
            self.nothing = {n: np.zeros(s.full_shape, s.dtype) for n, s in self.sites.items()}
            fixed = {i: v for i, v in enumerate(leaves) if i not in self.names}

            def run(secrets, errors):
                merged = [fixed[i] if i in fixed else secrets[i] for i in range(len(leaves))]
                return step(*jax.tree.unflatten(tree, merged), errors=errors)

            self.run = jax.jit(jax.vmap(run, (0, None)))
            self.honest = self._outputs(self.run(self.secrets, self.nothing))

    def _secrets(self, args, draw, trials):
        """Rows of secrets: the first `trials` all different, then one for each argument that differs
        from row 0 in that argument alone."""
        leaves = jax.tree_util.tree_leaves_with_path(args)
        names = {i: self._name(path) for i, (path, v) in enumerate(leaves) if _is_secret(v)}
        fresh = {
            i: [draw(n, _double(leaves[i][1]), self.rng) for _ in range(trials + 1)] for i, n in names.items()
        }
        rows = {
            i: [*vs[:trials], *(vs[trials] if i == j else vs[0] for j in names)] for i, vs in fresh.items()
        }
        self.trials = trials
        return names, {i: jnp.stack(vs) for i, vs in rows.items()}

    def _name(self, path):
        rest = jax.tree_util.keystr(path[1:], simple=True, separator="/")
        return self.parameters[path[0].idx] + (f"/{rest}" if rest else "")

    def _outputs(self, out):
        paths = jax.tree_util.tree_leaves_with_path(out)
        named = {
            jax.tree_util.keystr(p, simple=True, separator="/") or "result": np.asarray(v) for p, v in paths
        }
        return {n: v for n, v in named.items() if n in self.surface.outputs}

    def _delta(self, site, error):
        with jax.enable_x64(True):
            out = self._outputs(self.run(self.secrets, self.nothing | {site: error}))
        with np.errstate(all="ignore"):
            return {
                n: (v ^ self.honest[n]) if v.dtype == bool else v.astype(float) - self.honest[n].astype(float)
                for n, v in out.items()
            }

    def measure(self, site_name, passes=None):
        """The class of each output at a site, for errors in these passes (by default in all)."""
        site = self.sites[site_name]
        kept = np.broadcast_to(kept_entries(site, passes), site.full_shape)
        if site.is_bit:
            flips = [self.rng.integers(0, 2, site.full_shape) > 0 for _ in range(2)]
            deltas = [self._delta(site_name, f & kept) for f in (*flips, np.ones(site.full_shape, bool))]
            return {n: self._of_bits([d[n] for d in deltas]) for n in self.honest}
        if np.issubdtype(site.dtype, np.integer):
            error = self.rng.integers(1, 5, site.full_shape) * kept
        else:
            error = self.rng.normal(size=site.full_shape) * 0.7 * kept
        once, twice = self._delta(site_name, error), self._delta(site_name, 2 * error)
        kinds = {n: self._of_numbers(n, once[n], twice[n]) for n in self.honest}
        if any(k.kind == "tied" for k in kinds.values()):
            units = np.eye(site.entries).reshape(site.entries, *site.full_shape).astype(site.dtype)
            columns = [self._delta(site_name, u) for u in units[kept.ravel()]]
            for n, k in kinds.items():
                if k.kind == "tied":
                    matrix = np.stack([c[n][0].ravel() for c in columns], 1)
                    if np.linalg.matrix_rank(matrix, tol=1e-6) == matrix.shape[0]:
                        kinds[n] = Measured("shift")
        return kinds

    def best(self, site_name):
        """The class of each output that serves the attacker best, over the choices of passes."""
        each = [self.measure(site_name, passes) for passes in self.sites[site_name].choices]
        reached = {n: [k[n] for k in each if k[n].kind != "none"] for n in self.honest}
        return {n: min(ks, key=lambda k: ORDER.index(k.kind)) for n, ks in reached.items() if ks}

    def _of_bits(self, deltas):
        if not any(np.any(d) for d in deltas):
            return Measured("none")
        if deltas[0].dtype == bool and all(np.all(d == d[0]) for d in deltas):
            return Measured("shift" if np.all(deltas[-1]) else "tied")
        return Measured("bent")

    def _of_numbers(self, name, once, twice):
        if once.dtype == bool:
            return Measured("bent" if np.any(once) or np.any(twice) else "none")
        if not (np.all(np.isfinite(once)) and np.all(np.isfinite(twice))):
            return Measured("bent")
        noise = 1e-11 * (1 + np.max(np.abs(self.honest[name]), initial=0) + np.max(np.abs(twice), initial=0))
        if np.all(np.abs(once) < noise) and np.all(np.abs(twice) < noise):
            return Measured("none")
        if np.any(np.abs(twice - 2 * once) > 20 * noise):
            return Measured("bent")
        changed = [np.any(np.abs(row - once[0]) > 20 * noise) for row in once]
        if not any(changed):
            return Measured("tied")
        alone = changed[self.trials :]
        return Measured("scaled", frozenset(n for n, c in zip(self.names.values(), alone, strict=True) if c))


def kept_entries(site, passes):
    """Which entries of a site's error array lie in these passes: of the middle ones, the one in the middle."""
    kept = np.zeros(site.loops, bool)
    entry = {"all": slice(None), "first": 0, "last": -1}
    kept[
        tuple(entry.get(p, n // 2) for p, n in zip(passes or ["all"] * kept.ndim, site.loops, strict=True))
    ] = True
    return kept.reshape(kept.shape + (1,) * len(site.shape))


def normal(name, value, rng):
    """New secrets: normal numbers, small integers, random bits."""
    if np.issubdtype(value.dtype, np.integer):
        return jnp.asarray(rng.integers(0, 3, value.shape), value.dtype)
    if value.dtype == np.bool_:
        return jnp.asarray(rng.integers(0, 2, value.shape) > 0)
    return jnp.asarray(rng.normal(size=value.shape))


def _is_secret(value):
    return isinstance(value, jax.Array) and (value.ndim > 0 or jnp.issubdtype(value.dtype, jnp.inexact))


def _double(value):
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        return value.astype(jnp.float64)
    return value
