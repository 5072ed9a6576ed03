"""The trials of records as rows of comma-separated values."""

import csv
import io
from collections.abc import Iterable

from turncoat.record import Record

CONDITIONS = ("attack", "data", "data_label", "model", "protocol", "engine")


def per_trial_csv(records: Iterable[Record]) -> str:
    """One row per trial: the conditions, the trial's number from 0, its seed, and its `per_trial` values.

    Several records share one table; a value that a record lacks is left empty.
    """
    listed = list(records)
    names = list(dict.fromkeys(name for record in listed for name in record.per_trial))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*CONDITIONS, "trial", "seed", *names])
    for record in listed:
        conditions = [getattr(record, name) for name in CONDITIONS]
        for trial, seed in enumerate(record.seeds):
            values = [record.per_trial[name][trial] if name in record.per_trial else "" for name in names]
            writer.writerow([*conditions, trial, seed, *values])
    return buffer.getvalue()
