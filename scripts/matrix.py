"""Run a command under every Python and every series of JAX that the project supports, as far as they are here.

    python scripts/matrix.py COMMAND...        e.g. python -m pytest tests/core

Without a command, the test suite. Each cell has a virtual environment of its own under `.matrix/`, kept while
pyproject.toml and constraints.txt stay as they are. A Python that is not on PATH, or does not start (a version
manager's stand-in), is "not here". The exit status is 1 if the command failed in a cell, or a cell could not be
installed.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")
JAX = ("0.9", "0.10")
ROOT = Path(__file__).resolve().parent.parent
SUITE = ("python", "-m", "pytest", "-n", "2", "--dist", "loadfile")
CHOSEN = ("jax", "jaxlib")  # the cell chooses these, not constraints.txt

Pins = dict[str, str]  # normalised name -> its line in constraints.txt


@dataclass(frozen=True)
class Outcome:
    """How a cell ended, and which pins were left out for it."""

    word: str  # passed, failed, not installed, not here
    left_out: tuple[str, ...] = ()


def main(command: tuple[str, ...]) -> int:
    found = {python: interpreter(python) for python in PYTHONS}
    outcomes = {
        (python, jax): tried(found[python], python, jax, command) for python in PYTHONS for jax in JAX
    }
    print(f"\n{' '.join(command)}\n\n{table(outcomes)}")
    return int(any(outcome.word in ("failed", "not installed") for outcome in outcomes.values()))


def tried(executable: str | None, python: str, jax: str, command: tuple[str, ...]) -> Outcome:
    """The outcome of one cell: its environment made, the command run in it."""
    if executable is None:
        return Outcome("not here")
    print(f"\n=== Python {python}, jax {jax} ===", flush=True)
    folder = ROOT / ".matrix" / f"python{python}-jax{jax}"
    left_out = environment(folder, executable, jax)
    if left_out is None:
        return Outcome("not installed")
    ran = subprocess.run(command, cwd=ROOT, env=inside(folder), check=False)
    return Outcome("failed" if ran.returncode else "passed", left_out)


def interpreter(python: str) -> str | None:
    """The first interpreter of this version on PATH that runs and can make virtual environments."""
    question = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in (f"python{python}", "python3", "python"):
            path = shutil.which(name, path=folder)
            if path is None:
                continue
            answer = subprocess.run([path, "-c", question], capture_output=True, text=True, check=False)
            if answer.returncode == 0 and answer.stdout.strip() == python:
                return path
    return None


def environment(folder: Path, executable: str, jax: str) -> tuple[str, ...] | None:
    """Make the cell's environment, or keep the one that is there; the pins left out, None if it cannot be made.

    Pins without a wheel for this Python, or at odds with this series of JAX, are left out one by one.
    """
    stamp, key = folder / "made.json", fingerprint(executable)
    if stamp.is_file() and (made := json.loads(stamp.read_text()))["key"] == key:
        return tuple(made["left_out"])
    shutil.rmtree(folder, ignore_errors=True)
    if subprocess.run([executable, "-m", "venv", str(folder)], check=False).returncode:
        return None
    pins, left_out = read_pins((ROOT / "constraints.txt").read_text()), []
    while (log := install(folder, jax, pins)) is not None:
        if (culprit := blamed(log, pins)) is None:
            print(log, file=sys.stderr)
            return None
        left_out.append(pins.pop(culprit))
        print(f"left out: {left_out[-1]}", flush=True)
    stamp.write_text(json.dumps({"key": key, "left_out": left_out}))
    return tuple(left_out)


def fingerprint(executable: str) -> str:
    """What an environment is made from, as a digest."""
    version = subprocess.run([executable, "-VV"], capture_output=True, check=True).stdout
    files = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    return hashlib.sha256(b"\0".join([version, *(file.read_bytes() for file in files)])).hexdigest()


def install(folder: Path, jax: str, pins: Pins) -> str | None:
    """Install the project with this series of JAX; None if that worked, what pip said if not."""
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins.values()) + "\n")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    options = ["--progress-bar", "off", "--only-binary", ":all:", "-c", str(constraints)]
    ran = subprocess.run(
        [*pip, *options, "-e", f"{ROOT}[dev]", f"jax=={jax}.*"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=inside(folder), check=False,
    )  # fmt: skip
    return ran.stdout if ran.returncode else None


def inside(folder: Path) -> dict[str, str]:
    """The environment variables of a command in a cell: its `python` and its scripts come first."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "VIRTUAL_ENV": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{kept.get('PATH', '')}"}


def read_pins(text: str) -> Pins:
    """The pins of a constraints file without those that the cell chooses."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    pins = {normal(line.partition("==")[0]): line for line in lines if line}
    return {name: line for name, line in pins.items() if name not in CHOSEN}


def blamed(log: str, pins: Pins) -> str | None:
    """The pin that pip's refusal points at: a constraint named as such, else the last pinned package named."""
    _, _, conflict = log.partition("The conflict is caused by:")
    named = [normal(name) for name in re.findall(r"\(constraint\) ([\w.-]+?)==", conflict)]
    named += [normal(name) for name in re.findall(r"^ +([\w.-]+) \S+ depends on", conflict, re.MULTILINE)][
        ::-1
    ]
    return next((name for name in named if name in pins), None)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def table(outcomes: dict[tuple[str, str], Outcome]) -> str:
    """A row for each Python, a column for each series of JAX; below it, what was left out of constraints.txt."""
    lines = [" " * 13 + "".join(f"jax {jax}".ljust(15) for jax in JAX)]
    for python in PYTHONS:
        words = (outcomes[python, jax].word.ljust(15) for jax in JAX)
        lines.append(f"Python {python}  " + "".join(words))
    for (python, jax), outcome in outcomes.items():
        if outcome.left_out:
            lines.append(f"Python {python}, jax {jax}: without the pins {', '.join(outcome.left_out)}")
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    raise SystemExit(main(tuple(sys.argv[1:]) or SUITE))
