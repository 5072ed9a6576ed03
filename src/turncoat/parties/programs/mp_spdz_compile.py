"""Compiles a tape for MP-SPDZ into the working folder: run by each party for itself, and all come to one program."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(tree: str, folder: str, malicious: str) -> None:
    sys.path.insert(0, tree)
    from Compiler.compilerLib import Compiler

    # comparisons: by splitting shares, or by edaBits where that would be unchecked
    compiler = Compiler(custom_args=["tape", "-R", "64", "-M", *(["-Y"] if malicious else ["-Z", "3"])])
    # these need the tree that was just put in the path
    from interpreter import interpret, run
    from mp_spdz_machine import Machine
    from tape import Tape

    owners = json.loads((Path(folder) / "owners.json").read_text())

    def program() -> None:
        compiler.prog.use_trunc_pr = not malicious
        machine = Machine(lambda number: owners[str(number)])
        run(interpret(Tape.load(Path(folder) / "tape.npz"), machine, {}, {}))
        machine.end_step()

    compiler.register_function("tape")(program)
    compiler.compile_func()


if __name__ == "__main__":
    main(*sys.argv[1:])
