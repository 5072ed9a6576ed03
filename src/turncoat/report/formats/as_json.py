"""JSON: the result itself, as it is saved."""

from turncoat.report.saved import Saved
from turncoat.results.json import to_json


def render(saved: Saved) -> str:
    """The main file of a run."""
    return to_json(saved.found)
