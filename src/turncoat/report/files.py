"""The files of one attack's result folder, by name."""

from turncoat.report.csv import per_trial_csv
from turncoat.report.curves import curves_image
from turncoat.report.figure import attack_image
from turncoat.report.gallery import gallery_image
from turncoat.report.html import result_html
from turncoat.results.json import to_json
from turncoat.results.result import Result


def result_files(result: Result) -> dict[str, bytes | str]:
    """The result, its page, its pictures and its trials as a table."""
    return {
        "result.json": to_json(result),
        "report.html": result_html(result),
        **pictures(result),
        "trials.csv": per_trial_csv([result]),
    }


def pictures(result: Result) -> dict[str, bytes]:
    """The figure of the trials; that of the curves, and the gallery of reconstructed records, where there are any."""
    found = {f"{result.attack}.png": attack_image(result)}
    if result.curves:
        found[f"{result.attack}-curves.png"] = curves_image(result)
    if result.gallery:
        found[f"{result.attack}-gallery.png"] = gallery_image(result.gallery)
    return found
