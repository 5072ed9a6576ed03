"""`python -m bench.gallery [NAME ...]` runs the scripts of examples/gallery/ and writes what they print into pages.

A page, docs/gallery/NAME.md, has the script, what it printed, and a picture of its worst attack.
"""

from __future__ import annotations

import argparse
import io
import os
import runpy
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from bench.attack_numbers import save
from bench.attack_pages import DOCS, replaced
from turncoat.report.figure import attack_image
from turncoat.report.numbers import duration
from turncoat.results.audit import AuditResult
from turncoat.results.threats import ranked

SCRIPTS = Path(__file__).parents[1] / "examples" / "gallery"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem != "shown")


def printed(name: str) -> tuple[str, AuditResult]:
    """What a script prints, and what it found last."""
    sys.path.insert(0, str(SCRIPTS))
    said = io.StringIO()
    with redirect_stdout(said):
        found = runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="__main__")["found"]
    sys.path.remove(str(SCRIPTS))
    return said.getvalue().rstrip(), found


def blocks(name: str) -> dict[str, str]:
    """The blocks of a page."""
    began = time.process_time()
    said, found = printed(name)
    took = duration(time.process_time() - began)
    lines = "\n".join(line.rstrip() for line in said.splitlines())
    output = f"```text\n{lines}\n```\n\nIt took {took} of processor time."
    worst = ranked(found.results)[0]
    picture = save(DOCS / "gallery", f"{name}.png", attack_image(worst), f"{worst.attack}: every trial")
    return {"output": output, "picture": picture}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.gallery", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all by default")
    os.environ["JAX_PLATFORMS"] = "cpu"
    for name in parser.parse_args().names or NAMES:
        print(name, file=sys.stderr)
        made, path = blocks(name), DOCS / "gallery" / f"{name}.md"
        path.write_text(replaced(path.read_text(), made))


if __name__ == "__main__":
    main()
