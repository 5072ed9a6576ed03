"""The files of one attack's result folder, by name."""

from turncoat.record import Record, to_json
from turncoat.report.csv import per_trial_csv
from turncoat.report.curves import curves_image
from turncoat.report.figure import attack_image
from turncoat.report.gallery import gallery_image
from turncoat.report.html import record_html


def record_files(record: Record) -> dict[str, bytes | str]:
    """The record, its page, its pictures and its trials as a table."""
    return {
        "record.json": to_json(record),
        "report.html": record_html(record),
        **pictures(record),
        "trials.csv": per_trial_csv([record]),
    }


def pictures(record: Record) -> dict[str, bytes]:
    """The figure of the trials; that of the curves, and the gallery of reconstructed records, where there are any."""
    found = {f"{record.attack}.png": attack_image(record)}
    if record.curves:
        found[f"{record.attack}-curves.png"] = curves_image(record)
    if record.gallery:
        found[f"{record.attack}-gallery.png"] = gallery_image(record.gallery)
    return found
