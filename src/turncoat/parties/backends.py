"""The engines that real parties run on: what each needs, what it realises, and what it is."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from turncoat.refusal import Refusal, nearest

PROGRAMS = Path(__file__).parent / "programs"
PRODUCTS = frozenset({"multiply", "matmul", "select"})


@dataclass(frozen=True)
class Backend:
    """An engine: the program of a party, and what it says of itself.

    `tampers`: the operations at whose results a corrupt party can add an error there. `precision` and `bits`:
    fractional bits and all bits of a number. `needs`: modules of the interpreter that runs it; `install`: how they
    get there. `where`: what the corrupt party edits, in words. `factor_bits`: fractional bits of small public
    factors. `spread`: units that a truncation may be off, as `programs.plain` draws it. `cut`: whether it runs
    programs in StableHLO, so that the tape is cut at every operation (see `engines.segments`). `own_functions`: the
    protocol whose functions are the engine's own, where it can run those. `active`: its actively secure protocol, and
    `aborts`: what its parties say when they end a run because of what they found. `alone`: why it does not run on
    several machines here; `exposed`: why there it needs TLS.
    """

    name: str
    title: str
    program: str
    parties: tuple[int, ...]
    tampers: frozenset[str]
    precision: int
    bits: int
    needs: tuple[str, ...]
    install: str
    sharing: str
    where: str
    factor_bits: int
    bits_refused: str = ""
    spread: int = 1
    cut: bool = False
    own_functions: str = ""
    active: str = ""
    aborts: tuple[str, ...] = ()
    alone: str = ""
    exposed: str = ""

    @property
    def file(self) -> Path:
        return PROGRAMS / self.program

    @property
    def unit(self) -> float:
        """The smallest number."""
        return 2.0**-self.precision

    @property
    def largest(self) -> float:
        """Numbers reach up to this, either sign."""
        return 2.0 ** (self.bits - 1 - self.precision)

    def check_parties(self, parties: int, corrupt: int) -> None:
        """Refuses numbers that this engine does not run with."""
        if parties not in self.parties:
            *others, last = map(str, self.parties)
            allowed = f"{', '.join(others)} or {last}" if others else last
            raise Refusal(f"{self.title} runs here with {allowed} parties, not {parties}: {self.sharing}")
        if not 0 <= corrupt < parties:
            raise Refusal(f"there is no party {corrupt}: {parties} parties are numbered 0 to {parties - 1}")

    def check_installed(self, python: str) -> None:
        """Refuses an interpreter that lacks the engine, with the command that installs it."""
        code = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(n) for n in {self.needs!r}))"
        found = subprocess.run([python, "-c", code], cwd=tempfile.gettempdir(), capture_output=True)
        if found.returncode:
            raise Refusal(f"{self.title} is not installed for {python}; install it by: {self.install}")


MPYC = Backend(
    name="mpyc",
    title="MPyC",
    program="on_mpyc.py",
    parties=(3, 5, 7),
    tampers=PRODUCTS,
    precision=18,
    bits=40,
    needs=("mpyc", "numpy"),
    install="pip install 'turncoat[mpyc]'",
    sharing="Shamir's sharing in a prime field of 98 bits, an odd number of parties, fewer than half of them corrupt",
    where="its own product of shares, before it shares that anew with the others",
    factor_bits=26,
    bits_refused="a bit that is shared in a prime field is not flipped by adding a constant",
    exposed="it unpickles what its peers send, so that whoever reaches its port could run code",
)
CRYPTEN = Backend(
    name="crypten",
    title="CrypTen",
    program="on_crypten.py",
    parties=(2, 3),
    tampers=PRODUCTS | {"compare", "both"},
    precision=16,
    bits=38,
    needs=("crypten", "torch"),
    install="pip install --no-deps -r requirements/crypten.txt, here or in an environment named by --crypten-python",
    sharing="additive sharing in Z_2^64, all parties but one may be corrupt; party 0 deals the multiplication "
    "triples",
    where="its own share of a product before truncation, or of a comparison's bit",
    factor_bits=24,
    spread=2,
    alone="its link, gloo, has no TLS in PyTorch's own builds",
)
SPU = Backend(
    name="spu",
    title="SPU",
    program="on_spu.py",
    parties=(2, 3),
    tampers=PRODUCTS | {"compare", "both", "ideal"},
    precision=18,
    bits=45,
    needs=("spu",),
    install="pip install -r requirements/spu.txt in an environment of its own, named by --spu-python",
    sharing="protocol SEMI2K, additive sharing in Z_2^64, all parties but one may be corrupt; party 0 deals the "
    "multiplication triples",
    where="its own share of a result in SPU's memory, between two programs",
    factor_bits=18,
    cut=True,
    own_functions="spu",
    exposed="shares would otherwise cross the network in the clear",
)
MP_SPDZ = Backend(
    name="mp-spdz",
    title="MP-SPDZ",
    program="on_mp_spdz.py",
    parties=(3,),
    tampers=PRODUCTS,
    precision=18,
    bits=40,
    needs=("numpy",),
    install="building it from its source, whose path --mp-spdz gives",
    sharing="protocol replicated-ring, replicated sharing in Z_2^64, one of three parties may be corrupt",
    where="its own summand of a product, and so the message that it sends and its own copy of it",
    factor_bits=22,
    bits_refused="bits are numbers 0 and 1 here, and none is flipped by adding a constant",
    alone="it has TLS of its own, and scripts that set it up between hosts",
    active="MP-SPDZ's malicious-rep-ring",
    aborts=("MacCheck Failure", "check hash mismatch", "Offline-Check-Error"),
)
CATALOGUE = {backend.name: backend for backend in (MPYC, CRYPTEN, SPU, MP_SPDZ)}


def get(name: str) -> Backend:
    """The engine of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"no real parties run on {name!r}; choose from {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]
