"""A training step of the same model on our engines, and on CrypTen and SPU where they are installed.

Every engine gets the same batch of 100 and the same parameters, makes one step of softmax cross entropy at rate
0.1 on shares that stay shared, and is held to that step in float64: `off by` is the largest difference of any
parameter. Each computes exp, 1/x and comparisons in its own way; ours run protocol `crypten`.

These are no timings of protocols against each other. The peers are three (two) processes that send over loopback
and wait for each other; ours simulate all parties in one process and send nothing: what they would send is
counted. Milliseconds are of steps after a warm-up: the median, the least, and the least processor time of all
parties together, which says more on a machine that does other work; `/ replicated` is the ratio of the last.
`sent` is what all parties send in a step, as the engine counts it, without preprocessing by a dealer. Memory is
the peak of the largest process, which for ours is that of tracing and compiling, and beside it that after
importing the engine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.peers import parties
from bench.peers.inputs import BATCH, MODELS, deviation, inputs

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Entrant:
    """An engine in the table: its name, the file beside this one that runs a party of it, and how."""

    name: str
    file: str
    engine: str = ""
    processes: int = 1
    needs: tuple[str, ...] = ()


ENTRANTS = (
    *(Entrant(engine, "ours", engine) for engine in ("reals", "ring", "replicated")),
    Entrant("crypten, 2 parties", "crypten", processes=2, needs=("crypten", "torch")),
    Entrant("crypten, 3 parties", "crypten", processes=3, needs=("crypten", "torch")),
    Entrant("spu, ABY3", "spu", "ABY3", processes=3, needs=("spu", "jax")),
    Entrant("spu, SEMI2K", "spu", "SEMI2K", processes=3, needs=("spu", "jax")),
)
HEADINGS = (
    "processes",
    "median ms",
    "least ms",
    "processor ms",
    "/ replicated",
    "MB sent",
    "MiB",
    "imported",
    "off by",
)
INSTALL = {
    "crypten": "pip install torch omegaconf PyYAML, and crypten with --no-deps",
    "spu": "pip install spu into an environment of its own, and name its Python by --spu-python",
}


def missing(python: str, needs: tuple[str, ...]) -> bool:
    """Whether that interpreter cannot find one of those modules."""
    code = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(n) for n in {needs!r}))"
    return subprocess.run([python, "-c", code], cwd=tempfile.gettempdir()).returncode != 0


def absent(file: str) -> str:
    """The line for a peer that is not installed."""
    return f"{file}: not installed ({INSTALL[file]}; see docs/engines.md)"


def measured(entrant: Entrant, model: str, python: str, repetitions: int, deadline: float) -> dict[str, Any]:
    """One row; raises `parties.Failed`."""
    arrays = inputs(MODELS[model])
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        np.savez(directory / "inputs.npz", **arrays)
        ports = ",".join(map(str, parties.free_ports(entrant.processes)))
        command = [python, "-m", f"bench.peers.{entrant.file}", "--directory", name, "--ports", ports]
        command += ["--repetitions", str(repetitions), "--engine", entrant.engine]
        command += ["--parties", str(entrant.processes), "--rank"]
        commands = [[*command, str(rank)] for rank in range(entrant.processes)]
        parties.run(commands, directory, deadline, where=ROOT)
        found = [json.loads((directory / f"party{i}.json").read_text()) for i in range(entrant.processes)]
        with np.load(directory / "revealed.npz") as revealed:
            off = deviation(dict(revealed), arrays)
    return (
        {"model": model, "engine": entrant.name, "processes": entrant.processes}
        | row(found)
        | {"off_by": off}
    )


def row(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What the parties measured, together: a step is as long as its slowest party; processor time adds up."""
    steps = list(zip(*(f["times"] for f in found), strict=True))
    walls = [max(t["wall_ms"] for t in step) for step in steps]
    return {
        "median_ms": median(walls),
        "least_ms": min(walls),
        "cpu_ms": min(sum(t["cpu_ms"] for t in step) for step in steps),
        "sent_bytes": None if found[0]["sent_bytes"] is None else sum(f["sent_bytes"] for f in found),
        "peak_mib": max(f["peak_mib"] for f in found),
        "imported_mib": max(f["imported_mib"] for f in found),
        "version": found[0]["version"],
    }


def table(model: str, rows: list[dict[str, Any]]) -> Table:
    """One model's rows."""
    out = Table(title=f"{model}, batch {BATCH}: peers send over loopback, ours send nothing")
    out.add_column("engine", no_wrap=True)
    for heading in HEADINGS:
        out.add_column(heading, justify="right")
    ours = next((r["cpu_ms"] for r in rows if r["engine"] == "replicated"), None)
    for r in rows:
        sent = "" if r["sent_bytes"] is None else f"{r['sent_bytes'] / 1e6:.2f}"
        against = "" if ours is None else f"{r['cpu_ms'] / ours:.2f}"
        out.add_row(
            r["engine"], str(r["processes"]), f"{r['median_ms']:.2f}", f"{r['least_ms']:.2f}",
            f"{r['cpu_ms']:.2f}", against, sent, f"{r['peak_mib']:.0f}", f"{r['imported_mib']:.0f}",
            f"{r['off_by']:.1e}",
        )  # fmt: skip
    return out


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=20, help="timed steps of each engine")
    parser.add_argument("--deadline", type=float, default=600, help="seconds for each engine and model")
    parser.add_argument("--crypten-python", default=sys.executable, help="an interpreter that has crypten")
    parser.add_argument("--spu-python", default=sys.executable, help="an interpreter that has spu")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("models", nargs="*", help=f"models to time (default: {', '.join(MODELS)})")
    given = parser.parse_args()
    for model in given.models:
        if model not in MODELS:
            parser.error(f"no model {model!r}; choose from: {', '.join(MODELS)}")
    for name in ("crypten_python", "spu_python"):
        found = shutil.which(getattr(given, name))
        if found is None:
            parser.error(f"no interpreter {getattr(given, name)!r}: give the path of a python")
        setattr(given, name, os.path.abspath(found))  # parties run elsewhere; links stay, as in environments
    if given.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    return given


def main() -> None:
    given = options()
    pythons = {"ours": sys.executable, "crypten": given.crypten_python, "spu": given.spu_python}
    lacking = {e.file for e in ENTRANTS if missing(pythons[e.file], e.needs)}
    rows, notes, failed = [], [absent(file) for file in sorted(lacking)], False
    for model in given.models or MODELS:
        for entrant in ENTRANTS:
            if entrant.file in lacking:
                continue
            python = pythons[entrant.file]
            print(f"{model}: {entrant.name} ...", file=sys.stderr, flush=True)
            try:
                rows.append(measured(entrant, model, python, given.repetitions, given.deadline))
            except parties.Failed as failure:
                notes.append(f"{entrant.name}, {model}: failed: {failure}")
                failed = True
    versions = [f"{r['engine']}: {r['version']}" for r in rows if r["model"] == rows[0]["model"]]
    if given.json:
        print(json.dumps({"machine": platform.machine(), "batch": BATCH, "rows": rows, "notes": notes}))
    else:
        screen = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 130)
        for model in given.models or MODELS:
            screen.print(table(model, [r for r in rows if r["model"] == model]))
        for line in (*versions, *notes):
            screen.print(line, highlight=False, markup=False)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
