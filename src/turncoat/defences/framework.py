"""What it costs to check a site, framework by framework: from what its step sends in shares of three parties.

Two ways to check. *Verified sharings* carry a check through every multiplication: a product costs more bytes, an AND
more bits, than passively. Source: MP-SPDZ (commit 3a0a7b1d), Compiler/cost.py: `fixed`, `fixed_and` and
`cheap_dot_product`, online and offline bytes of all parties together. *Proofs* of what was sent (engine `replicated`,
option `check`) cost next to no bytes, but local work on the words that they run over. No framework checks a part of
its messages today: that the price of a part is its share of the whole is an assumption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

from turncoat.core.sites import Site
from turncoat.core.surface import Surface
from turncoat.engines.replicated.bill import Bill
from turncoat.engines.replicated.checks.plan import Counts
from turncoat.engines.replicated.costs import WORD, Cost
from turncoat.refusal import Refusal, nearest

ARITHMETIC = ("product", "conversion", "xor-product")
PASSIVE = 3 * WORD
"""Bytes of a product of secrets in Z_2^64 under passive replicated sharing."""
PASSIVE_AND = 3
"""Bits of an AND there."""
BYTES, WORDS = "bytes", "words of proofs"


@dataclass(frozen=True)
class Framework:
    """What checks messages, and at which price.

    `product`: bytes of a verified product in Z_2^64, `conjunction`: bits of a verified AND, all parties together;
    `each_term`: a dot product costs one for each of its terms, not one in all. None of these: proofs.
    """

    name: str
    about: str
    product: float | None = None
    conjunction: float | None = None
    each_term: bool = False

    @property
    def unit(self) -> str:
        """What its prices count."""
        return WORDS if self.product is None else BYTES

    def verified(self, site: Site, cost: Cost, proved: Counts | None = None) -> float:
        """What checking a whole site of a step adds; the truncation that follows a product is compared anyway.

        `cost` is what the site sends passively, `proved` its messages as they enter a proof.
        """
        if self.product is None or self.conjunction is None:
            found = Counts() if proved is None else proved
            return float(sum(astuple(found)))
        if site.kind in ARITHMETIC:
            count = _terms(site) if self.each_term else site.entries
            return self.product * count - PASSIVE * site.entries
        return (self.conjunction / PASSIVE_AND - 1) * cost.bytes if site.is_bit else 0.0

    def prices(self, surface: Surface, bill: Bill) -> dict[str, float]:
        """The same for every site of a step on engine `replicated`."""
        sent, proved = bill.sites, bill.proved
        return {s.name: self.verified(s, sent.get(s.name, Cost()), proved.get(s.name)) for s in surface}


def _terms(site: Site) -> int:
    """How many products of two numbers a site adds up, over all passes of the loops around it."""
    passes = 1
    for n in site.loops:
        passes *= n
    return max(site.multiplications * passes, site.entries)


REPLICATED = Framework("replicated", "this tool's own proofs: words that one party's proof runs over")
SPDZ_WISE = Framework("sy-rep-ring", "MP-SPDZ, SPDZ-wise replicated, three parties", 78, 36)
CATALOGUE: Mapping[str, Framework] = {
    one.name: one
    for one in (
        SPDZ_WISE,
        Framework("ps-rep-ring", "MP-SPDZ, replicated with post-sacrifice, three parties", 117, 36, True),
        Framework("mal-rep-ring", "MP-SPDZ, malicious replicated with triples, three parties", 165, 36, True),
        Framework("rep4-ring", "MP-SPDZ, replicated among four parties", 48, 6),
        REPLICATED,
    )
}
"""Frameworks by name, the default first."""

REMARKS = {
    "mp-spdz": "MP-SPDZ has this protocol of its own",
    "crypten": "CrypTen has no actively secure protocol (its flag checks triples alone), so these prices are of "
    "another framework",
    "spu": "no released wheel of SPU has an actively secure protocol, so these prices are of another framework",
    "tf-encrypted": "tf-encrypted's protocols are passively secure, so these prices are of another framework",
    "secureml": "SecureML is passively secure, so these prices are of a framework that can check",
}
"""What frameworks have to check messages with, by how the names of their protocols begin."""


def remark(protocol: str) -> str:
    """What the framework that a protocol is taken from has to check messages with; "" of none."""
    return next((said for name, said in REMARKS.items() if protocol.startswith(name)), "")


def get(name: str) -> Framework:
    """The framework of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"there are no prices of {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]
