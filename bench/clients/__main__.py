"""`python -m bench.clients --sources FOLDER` runs other people's training steps beside the plain ones.

FOLDER holds checkouts of the repositories of `manifest.py`, each under its own name, which are the user's own;
nothing of them is part of this project. Each client runs in a process of its own, and each of its programs is
evaluated plainly and secured; packages and data sets that are not there are stood in for (`stand_ins.py`). Rows
are added to `--rows`, a row of an earlier run gives way to one of the same program, and `--page` writes
docs/clients.md from them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from bench.clients.manifest import CLIENTS, COMMITS

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
OUTCOMES = ("agrees", "refused", "wrong", "exception", "too slow")
Rows = dict[tuple[str, ...], dict[str, Any]]
HEAD = """# Clients

<!-- Written by `python -m bench.clients --page`. -->

Training steps and fits of other people's repositories, each as its own code, test or notebook calls it, evaluated
by `turncoat.secure` beside the plain function. Data are small random arrays where a client downloads some; packages
that its arithmetic does not depend on are stood in for, and what SPU runs is taken where the client gives it to SPU.
Raw PRNG keys are marked public, a step that changes a module of flax in place is given and returns its state, and
one of equinox returns its arrays: the refusals say so. "Agrees" is within 1e-3 of the largest number of each output
on `reals`, and 3e-2 on the other engines.

A loop that runs as long as a secret says is refused by SPU too. What is "too slow" was stopped; the seconds are those of
a machine that did much else.

To repeat it, check the repositories out into a folder, each under the last part of its name:
`python -m bench.clients --sources FOLDER --page`.
"""


def key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[n]) for n in ("repository", "file", "program", "protocol", "engine"))


def read(path: Path) -> Rows:
    lines = path.read_text().splitlines() if path.exists() else []
    return {key(row): row for row in map(json.loads, lines)}


def run(index: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of one client, in a process of its own."""
    command = [sys.executable, "-m", "bench.clients.reach", str(index), "--sources", str(options.sources)]
    command += ["--protocol", options.protocol, "--engine", options.engine, "--seconds", str(options.seconds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=4 * options.seconds, check=False
        )
        out = done.stdout
    except subprocess.TimeoutExpired as late:
        out = (late.stdout or b"").decode()
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def table(rows: Rows) -> list[str]:
    """Totals by repository, protocol and engine."""
    groups = dict.fromkeys((r["repository"], r["protocol"], r["engine"]) for r in rows.values())
    lines = ["| repository | commit | under | programs | " + " | ".join(OUTCOMES) + " |", "| --- " * 9 + "|"]
    for name, protocol, engine in groups:
        inside = (name, protocol, engine)
        count = Counter(
            r["outcome"] for r in rows.values() if (r["repository"], r["protocol"], r["engine"]) == inside
        )
        cells = " | ".join(str(count[o]) for o in OUTCOMES)
        under = f"`{protocol}` on `{engine}`"
        lines.append(f"| {name} | `{COMMITS[name][:12]}` | {under} | {sum(count.values())} | {cells} |")
    count = Counter(r["outcome"] for r in rows.values())
    lines.append(f"| all | | | {sum(count.values())} | " + " | ".join(str(count[o]) for o in OUTCOMES) + " |")
    return lines


def page(rows: Rows) -> str:
    parts = [HEAD, "## Totals", "", *table(rows), "", "## What does not agree", ""]
    for r in rows.values():
        if r["outcome"] != "agrees":
            said = " ".join(r.get("said", "").split())[:400]
            where = f"{r['repository']}, `{r['file']}`, `{r['program']}`, {r['engine']}"
            parts.append(f"- {where}: **{r['outcome']}**: {said}")
    parts += ["", "## What agrees", ""]
    files: dict[tuple[str, str], list[str]] = {}
    for r in rows.values():
        if r["outcome"] == "agrees":
            files.setdefault((r["repository"], r["file"]), []).append(f"`{r['program']}`")
    parts += [
        f"- {name}, `{file}`: {', '.join(dict.fromkeys(found))}" for (name, file), found in files.items()
    ]
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.clients", description=__doc__)
    parser.add_argument("--sources", type=Path, help="the folder of checkouts; without it, nothing is run")
    parser.add_argument("--rows", type=Path, default=Path("clients.jsonl"), help="where the rows are kept")
    parser.add_argument("--only", default="", help="clients whose repository and file contain this")
    parser.add_argument("--protocol", default="exact")
    parser.add_argument("--engine", default="reals")
    parser.add_argument("--seconds", type=int, default=300, help="for each program")
    parser.add_argument("--page", action="store_true", help="write docs/clients.md from the rows")
    options = parser.parse_args()
    rows = read(options.rows)
    for index, client in enumerate(CLIENTS if options.sources else ()):
        if options.only in f"{client.repository}/{client.file}":
            for row in run(index, options):
                rows[key(row)] = row
                print(row["outcome"], client.repository, client.file, row["program"], file=sys.stderr)
            options.rows.write_text("".join(json.dumps(r) + "\n" for r in rows.values()))
    if options.page:
        PAGE.write_text(page(rows))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
