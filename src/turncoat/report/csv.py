"""The trials of results as rows of comma-separated values."""

import csv
import io
from collections.abc import Iterable

from turncoat.results.result import Result

CONDITIONS = ("attack", "data", "data_label", "model", "protocol", "engine")


def per_trial_csv(results: Iterable[Result]) -> str:
    """One row per trial: the conditions, the trial's number from 0, its seed, and its `per_trial` values.

    Several results share one table; a value that a result lacks is left empty.
    """
    listed = list(results)
    names = list(dict.fromkeys(name for result in listed for name in result.per_trial))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*CONDITIONS, "trial", "seed", *map(_harmless, names)])
    for result in listed:
        conditions = [_harmless(getattr(result, name)) for name in CONDITIONS]
        for trial, seed in enumerate(result.seeds):
            values = [result.per_trial[name][trial] if name in result.per_trial else "" for name in names]
            writer.writerow([*conditions, trial, seed, *values])
    return buffer.getvalue()


def _harmless(text: str) -> str:
    """A cell of text that no spreadsheet takes for a formula: an apostrophe before what could begin one."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return f"'{plain}" if plain.lstrip().startswith(("=", "+", "-", "@")) else plain
