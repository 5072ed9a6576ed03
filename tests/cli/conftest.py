"""The command line run in this process, and a folder of a user's with steps and data of all kinds."""

import contextlib
import io
import os
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest

from turncoat import cli


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Bytes(io.TextIOWrapper):
    """A text stream whose bytes can be read afterwards."""

    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


def turncoat(folder, *arguments, encoding="utf-8"):
    """Runs the command as in a process of its own: streams, warnings, folder and imports are put back."""
    out, err = Bytes(encoding), Bytes(encoding)
    plain = jax.numpy_dtype_promotion("standard")  # as a user's own step may need it
    with plain, pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("default")
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["turncoat", *arguments])
        patch.setattr(sys, "path", list(sys.path))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
                code = 0
            except SystemExit as stopped:
                code = stopped.code
    return Ran(code or 0, out.text(), err.text())


def written(folder):
    """Every path in a folder, but for what Python keeps of the modules in it."""
    return sorted(str(p) for p in Path(folder).rglob("*") if "__pycache__" not in str(p))


STEP = """
import jax
import jax.numpy as jnp
import optax

optimizer = optax.adam(1e-2)


def loss(w, x, y):
    return jnp.mean((jnp.tanh(x @ w["a"]) @ w["c"] + w["d"] - y) ** 2)


def step(w, state, x, y):
    gradient = jax.grad(loss)(w, x, y)
    updates, state = optimizer.update(gradient, state, w)
    return optax.apply_updates(w, updates), state


def example():
    print("a word of the user's")
    w = {"a": jnp.ones((5, 3)) / 9, "c": jnp.ones(3), "d": jnp.zeros(1)}
    return w, optimizer.init(w), jax.random.normal(jax.random.key(0), (8, 5)), jnp.arange(8.0)


def branches(w, state, x, y):
    return w if x.sum() > 0 else w


def waves(w, state, x, y):
    return jax.scipy.special.i0e(x)


def broken_example():
    raise OSError("no such disk")


def no_tuple():
    return [1]
"""

FAULTY = """
import sys

import jax.numpy as jnp


def raises(x):
    raise ValueError("it is broken")


def mistypes(x):
    return x + "a"


def recurses(x):
    return recurses(x)


def exits(x):
    exit(5)


def leaves(x):
    sys.exit(0)


def none(x):
    return None


def two(x, y):
    return x * y


def good(x):
    print("shouted")
    return x * x


def example():
    print("shouted too")
    return (jnp.ones(3),)


def exits_example():
    raise SystemExit(3)


def generates():
    yield jnp.ones(3)


def nothing():
    return None


def listed():
    return [jnp.ones(3)]


def keys():
    return {"x": jnp.ones(3)}


def quits(x):
    class Quit(BaseException):
        def __str__(self):
            raise TypeError

    raise Quit


answer = 42
"""

PREDICTS = """
import jax
import jax.numpy as jnp


def is_large(x, w):
    return x @ w > 0.5


def best(x, w):
    return jnp.argmax(x @ w, axis=-1)


def both(x, w):
    scores = x @ w
    return scores, jnp.argmax(scores, axis=-1), scores.max(-1) > 0


def example():
    return jax.random.normal(jax.random.key(0), (2, 5)), jax.random.normal(jax.random.key(1), (5, 3))
"""

MODULES = {
    "mystep": STEP,
    "predicts": PREDICTS,
    "faulty": FAULTY,
    "raises_on_import": "x = 1\nraise RuntimeError('not today')\n",
    "exits_on_import": "import sys\nsys.exit(7)\n",
    "no_syntax": "def step(:\n",
    "needs_more": "import a_module_that_nobody_has\n",
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A user's folder: modules with steps, data good and bad, a file and a folder that are taken."""
    made = tmp_path_factory.mktemp("cli")
    for name, text in MODULES.items():
        (made / f"{name}.py").write_text(text)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), np.arange(60) % 2
    np.savez(made / "good.npz", x=x, y=y)
    np.savez(made / "nan.npz", x=np.where(x > 2, np.nan, x), y=y)
    np.savez(made / "one.npz", x=x, y=0 * y)
    np.savez(made / "labels.npz", x=x, y=y / 2)
    rows = [f"person {i},{40 + 10 * x[i, 0]:.1f},{'ab'[i % 2]}" for i in range(60)]
    (made / "churn.csv").write_text("\n".join(["name,age,churn", *rows]))
    np.savez(made / "few.npz", x=x[:3], y=y[:3])
    (made / "garbage.npz").write_bytes(b"no zip file")
    (made / "empty.csv").write_text("")
    (made / "taken").write_text("a file of the user's")
    (made / "full").mkdir()
    (made / "full" / "thesis.tex").write_text("do not touch")
    (made / "folder.npz").mkdir()
    os.symlink("loop", made / "loop")
    return made


@pytest.fixture(autouse=True, scope="session")
def _no_modules_left_over():
    before = set(sys.modules)
    yield
    for name in MODULES.keys() - before:
        sys.modules.pop(name, None)
