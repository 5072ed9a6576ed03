"""MP-SPDZ as its user has installed it: where its parties are, and the corrupt one that is built beside it.

None of its code is here: `corrupt_party.patch` says in full what the corrupt party does otherwise.
"""

from __future__ import annotations

from pathlib import Path

from turncoat.refusal import Refusal

PASSIVE, MALICIOUS = "replicated-ring-party.x", "malicious-rep-ring-party.x"
BUILD = Path(__file__).with_name("build_corrupt_party.sh")


def options(given: str | None, malicious: bool = False) -> dict[str, str]:
    """What a party on MP-SPDZ is told: the user's tree and the corrupt party's; Refusal where a program is not built.

    `malicious`: whether the parties of the malicious protocol are wanted too.
    """
    if given is None:
        raise Refusal(
            "MP-SPDZ is built from its source by whoever uses it: give the path of that tree by --mp-spdz"
        )
    tree = Path(given).absolute()
    if not (tree / "Compiler" / "compilerLib.py").is_file():
        raise Refusal(f"there is no MP-SPDZ in {given}: it has no Compiler/compilerLib.py")
    corrupt = tree.with_name(f"{tree.name}-corrupt")
    for party in (PASSIVE, MALICIOUS) if malicious else (PASSIVE,):
        if not (tree / party).is_file():
            raise Refusal(
                f"MP-SPDZ's party {party} is not built in {given}; build it there by: make -j8 {party}"
            )
        if not (corrupt / party).is_file():
            raise Refusal(f"the corrupt party of MP-SPDZ is not built; build it by: sh {BUILD} {given}")
    return {"tree": str(tree), "corrupt": str(corrupt)}
