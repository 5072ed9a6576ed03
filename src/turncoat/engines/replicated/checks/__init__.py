"""Checks that make products and ANDs actively secure: each message is proved to be right, at the end of a step.

plan         sizes: rounds, and the probability with which a wrong message passes
policy       which messages are proved
algebra      what both rings share: polynomials of degree below 47
galois       Z_2^64[x] / (x^47 - x^5 - 1)
binary       GF(2^47), in bit planes
proof        the proof: rounds, challenges, masks
freivalds    matrix products in it
record       what a message was made of
forms        dot products and convolutions as matrix products
step         the proofs of a step
ledger       what is still to be proved of an evaluation
costs        bytes, messages and rounds, from shapes
outcome      whether a run was aborted

Truncation pairs are the dealer's: a wrong one is an error that nothing here sees. See docs/checks.md.
"""
