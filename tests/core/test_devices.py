"""Programs on a mesh of one device: `shard_map` and `pmap` are calls, and what devices exchange is there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import Mesh, PartitionSpec

import turncoat as tc

X = jnp.arange(6.0).reshape(2, 3)
W = jnp.asarray([0.5, -1.0, 2.0])


def mesh(*names):
    return Mesh(np.asarray(jax.devices()[:1]).reshape((1,) * len(names)), names)


def collected(a):
    """Every collective, over one axis, two, or none."""
    gathered = lax.all_gather(a, "i"), lax.all_gather(a, "i", tiled=True)
    sums = lax.psum(a * a, "i"), lax.pmean(a, ("i", "j")), lax.psum_scatter(a, "i", tiled=True)
    moved = lax.ppermute(a, "i", [(0, 0)]), lax.ppermute(a, "i", []), lax.all_to_all(a, "i", 0, 0, tiled=True)
    return *gathered, *sums, *moved, lax.pmax(a, "j"), a + lax.axis_index("j").astype(a.dtype)


def loop(a):
    return lax.scan(lambda c, r: (c + lax.pmean(r, "i"), jnp.vdot(r, c)), a[0], a)[1]


def batch_norm(a):
    """By names of devices and of a batch."""
    return jax.vmap(lambda b: b / jnp.sqrt(1 + lax.pmean(b * b, ("i", "k"))), axis_name="k")(a)


def loss(w, a):
    return jax.shard_map(
        lambda w, a: lax.pmean(jnp.sum((a @ w) ** 2), "i"),
        mesh=mesh("i"), in_specs=(PartitionSpec(), PartitionSpec("i")), out_specs=PartitionSpec(),
    )(w, a)  # fmt: skip


def mapped(f, *names, check=False):
    specs = PartitionSpec(*names)
    return lambda a: jax.shard_map(f, mesh=mesh(*names), in_specs=specs, out_specs=specs, check_vma=check)(a)


PROGRAMS = {
    "collectives": (mapped(collected, "i", "j"), X),
    "collectives, checked": (mapped(collected, "i", "j", check=True), X),
    "a loop": (mapped(loop, "i"), X),
    "batch norm by pmap": (lambda a: jax.pmap(batch_norm, axis_name="i")(a[None]), X),
    "a gradient": (jax.grad(loss), W, X),
}


@pytest.mark.parametrize("engine", ["reals", "ring"])
@pytest.mark.parametrize("what", PROGRAMS)
def test_it_is_what_the_device_computes(what, engine):
    f, *args = PROGRAMS[what]
    got, want = tc.secure(f, engine=engine)(*args), f(*args)
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_allclose(np.asarray(g), np.asarray(w), atol=1e-4)


def test_collectives_send_nothing():
    sites = tc.secure(mapped(collected, "i", "j")).surface(X)
    assert [s.name for s in sites] == ["mul"]
    assert [s.name for s in tc.secure(jax.grad(loss)).surface(W, X)] == ["dot", "back/dot"]


def test_several_devices_are_refused():
    """A device that is not there: JAX traces such a program all the same."""
    several = jax.sharding.AbstractMesh((2,), ("i",))

    def f(a):
        return jax.shard_map(
            lambda a: lax.psum(a, "i"), mesh=several, in_specs=PartitionSpec("i"), out_specs=PartitionSpec()
        )(a)

    (refused,) = tc.refusals(f, X)
    assert "'shard_map'" in refused and "a mesh of one device" in refused
