"""Defences: a value says which sites are checked, how and when; detection and price are pure functions."""

from turncoat.defences.catalogue import CATALOGUE, get
from turncoat.defences.check import Check
from turncoat.defences.defence import Defence, Rule

__all__ = ["CATALOGUE", "Check", "Defence", "Rule", "get"]
