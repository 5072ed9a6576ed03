"""Engine `replicated`: three-party replicated secret sharing, passively secure, every message an array.

sharing      x = x_0 + x_1 + x_2, party i holds two of the three; with or without both copies
randomness   sharings of zero from pairwise seeds
opening      to all, both copies compared at once
products     products, matrix products, ANDs: one message per party and entry of the result
truncation   three protocols, and who can reach the result
circuits     sign, zero test and digits: ANDs of 64-bit words
gates        the ANDs inside a comparison, as sites
conversion   a bit as a number
options      what can be chosen
checks       proofs that products and ANDs are right, a folder of its own
passes       loops and branches: what is drawn in them, and what is proved of them
engine       the black box's operations made of these, and where the corrupt party's error goes
costs        bytes, messages and rounds, from shapes
"""

from turncoat.engines.replicated.checks.outcome import failed
from turncoat.engines.replicated.engine import Replicated

replicated = Replicated()

__all__ = ["Replicated", "failed", "replicated"]
