"""`python -m bench.linalg`: how far linear algebra on secrets is from NumPy's, by protocol, engine and matrix.

Each cell is the largest deviation of an entry, with one matrix of each kind of 6 rows: of solutions, of Q R and what
is below the diagonal of R, of eigenvalues, of what eigenvectors and singular vectors give back, and of their inner
products.
"""

from __future__ import annotations

import argparse
from typing import Any

import jax.numpy as jnp
import numpy as np

from turncoat import engines, protocols
from turncoat.core.secure import secure

SIZE = 6
RUNS = (
    *(("reals", p) for p in ("exact", "spu", "crypten", "mp-spdz", "tf-encrypted")),
    *(("ring", p) for p in ("exact", "spu")),
)
Matrix = np.ndarray[Any, Any]


def matrices(seed: int) -> dict[str, Matrix]:
    """Symmetric ones by their eigenvalues, of magnitudes of at most four."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]
    kinds = {
        "well-conditioned": rng.uniform(0.5, 4, SIZE) * rng.choice([-1, 1], SIZE),
        "eigenvalues repeated": np.asarray([2, 2, 2, -1, -1, 3]),
        "condition 1000": np.geomspace(4, 4e-3, SIZE),
        "rank 4": np.asarray([3, -2, 1, 0.5, 0, 0]),
    }
    return {kind: np.asarray((basis * w) @ basis.T, np.float32) for kind, w in kinds.items()}


def computed(a: Any, b: Any) -> dict[str, Any]:
    """Numbers that do not depend on the signs of vectors, nor on which ones span a space."""
    w, v = jnp.linalg.eigh(a)
    u, s, vt = jnp.linalg.svd(a)
    q, r = jnp.linalg.qr(a)
    return {
        "solve": jnp.linalg.solve(a, b),
        "qr": (q @ r, q.T @ q, jnp.tril(r, -1)),
        "eigenvalues": w,
        "eigenvectors": ((v * w) @ v.T, v.T @ v),
        "singular values": s,
        "singular vectors": ((u * s) @ vt, u.T @ u, vt @ vt.T),
    }


def wanted(a: Matrix, b: Matrix) -> dict[str, Any]:
    wide, one = a.astype(float), np.eye(len(a))
    return {
        "solve": np.linalg.solve(wide, b) if np.linalg.matrix_rank(a) == len(a) else None,
        "qr": (wide, one, np.zeros_like(one)),
        "eigenvalues": np.linalg.eigvalsh(wide),
        "eigenvectors": (wide, one),
        "singular values": np.linalg.svd(wide, compute_uv=False),
        "singular vectors": (wide, one, one),
    }


def deviation(got: Any, want: Any) -> str:
    if want is None:
        return "-"
    pairs = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
    return f"{max(float(np.max(np.abs(np.asarray(g, float) - w))) for g, w in pairs):.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.linalg", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    b = np.random.default_rng(seed + 1).normal(size=(SIZE, 2)).astype(np.float32)
    names = list(wanted(np.eye(SIZE), b))
    print("| engine | protocol | matrix |" + "".join(f" {n} |" for n in names))
    print("| --- | --- | --- |" + " --- |" * len(names))
    for engine, protocol in RUNS:
        run = secure(computed, protocol=protocols.get(protocol), engine=engines.get(engine))
        for kind, a in matrices(seed).items():
            got, want = run(a, b), wanted(a, b)
            cells = "".join(f" {deviation(got[n], want[n])} |" for n in names)
            print(f"| `{engine}` | `{protocol}` | {kind} |{cells}", flush=True)


if __name__ == "__main__":
    main()
