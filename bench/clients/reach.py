"""Runs one client of the manifest until its programs are met; prints a row of JSON for each."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bench.clients import intercept, stand_ins
from bench.clients.judge import Program, alarm, judged
from bench.clients.manifest import CLIENTS, FOLDERS, Client


class Done(BaseException):
    """All programs of a client are met."""


class Reporter:
    """Judges each program of another name once, and writes the row."""

    def __init__(self, client: Client, options: argparse.Namespace, out: Any) -> None:
        self.client, self.options, self.out = client, options, out
        self.met: set[str] = set()
        self.test = ""

    def __call__(self, program: Program) -> None:
        name = f"{self.test}:{program.name}" if self.test else program.name
        wanted = self.client.programs
        if name in self.met or (wanted and name not in wanted):
            return
        self.met.add(name)
        row = judged(program, self.options.protocol, self.options.engine, self.options.seconds)
        said = {"repository": self.client.repository, "file": self.client.file} | row | {"program": name}
        print(json.dumps(said), file=self.out, flush=True)
        if wanted and not set(wanted) - self.met:
            raise Done


def run(client: Client, sources: Path, report: Reporter) -> None:
    root = (sources / FOLDERS[client.repository]).resolve()
    path = root / client.file
    sys.path[:0] = [str(root), str(path.parent)] if client.how != "package" else [str(root)]
    sys.argv = [str(path)]
    stand_ins.install(sources.resolve(), report)
    raw = patch(report, str(path.parent))
    os.chdir(root)
    rng = np.random.default_rng(0)
    space = {"__name__": "client", "__file__": str(path), "report": report, "raw": raw, "rng": rng}
    module = types.ModuleType("client")
    module.__dict__.update(space)
    sys.modules["client"], space = module, module.__dict__
    with contextlib.suppress(Done):
        if client.how == "tests":
            tests(path, client, report)
        elif client.how == "cells":
            cells(path, space)
        elif client.how == "module":
            exec(compile(path.read_text(), str(path), "exec"), space)
        if client.then:
            at_hand = {"np": np, "jax": jax, "jnp": jax.numpy, "rng": rng, "key": jax.random.key(0)}
            at_hand["spu"] = sys.modules["examples.python.utils.distributed"].device("SPU")  # type: ignore[attr-defined]
            space.update(at_hand)
            exec(compile(client.then, "<cell of ours>", "exec"), space)


def patch(report: Reporter, folder: str) -> Any:
    import equinox
    from flax import nnx

    standing = intercept.nnx_jit(report, folder), intercept.filter_jit(report, folder)
    nnx.jit, equinox.filter_jit = standing
    raw, jax.jit = jax.jit, intercept.jit(report, folder)
    return raw


def cells(path: Path, space: dict[str, Any]) -> None:
    """The cells of a notebook, each on its own: one that fails, such as a picture, is left out."""
    for i, cell in enumerate(json.loads(path.read_text())["cells"]):
        if cell["cell_type"] != "code":
            continue
        lines = "".join(cell["source"]).splitlines()
        code = "\n".join(line for line in lines if not line.lstrip().startswith(("!", "%")))
        try:
            with alarm(120):
                exec(compile(code, f"<cell {i}>", "exec"), space)
        except Exception as error:
            print(f"cell {i}: {type(error).__name__}: {error}", file=sys.stderr)


def tests(path: Path, client: Client, report: Reporter) -> None:
    """The tests of a file, each with its first parameters only."""
    import pytest

    class Plugin:
        def pytest_collection_modifyitems(self, items: list[Any]) -> None:
            firsts = {getattr(i, "originalname", i.name): i for i in reversed(items)}
            items[:] = [i for i in items if i in firsts.values()]

        def pytest_runtest_setup(self, item: Any) -> None:
            report.test = getattr(item, "originalname", item.name)

    pytest.main(["-q", "-x" if client.programs else "--maxfail=99", "-p", "no:cacheprovider",
                 "-c", "/dev/null", str(path)], plugins=[Plugin()])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=int)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--protocol", default="exact")
    parser.add_argument("--engine", default="reals")
    parser.add_argument("--seconds", type=int, default=120)
    options = parser.parse_args()
    client = CLIENTS[options.index]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the client prints is no row
    run(client, options.sources, Reporter(client, options, out))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
