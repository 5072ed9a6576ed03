"""`python -m bench.attack_numbers [NAME ...]` runs attacks on small jobs and writes what came out into their pages.

For each attack two commands are run, which its page then names: `turncoat attack` for the numbers under passive
security and the picture, `turncoat defend` for what is left under each defence. It takes some minutes an
attack, most of them for the attacks that are planned again for each defence.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from bench.attack_pages import DOCS, page, replaced
from turncoat import attacks
from turncoat.report import numbers, words
from turncoat.report.figure import attack_image
from turncoat.report.gallery import gallery_image
from turncoat.report.summary import accuracy, accuracy_interval, noticed, noticed_interval
from turncoat.results.json import from_json
from turncoat.results.matrix import Matrix, Row
from turncoat.results.result import Result
from turncoat.results.values import Measured

ROOT = Path(__file__).parents[1]
PAGES = DOCS / "attacks"
TRIALS = 5
MORE = {"leak-by-abort": 40}
"""Trials of attacks that tell one bit in each."""
OWN = "fraud_two_contributors:job"
"""A job of `examples/` whose records come from two banks."""
NETWORK = ("--model", "mlp", "--hidden", "32")
JOBS: dict[str, tuple[str, ...]] = {
    "deposit": NETWORK,
    "fairness": (OWN, "--protocol", "crypten"),
    "leak-by-abort": NETWORK,
    "gradient-amplification": (
        "--model",
        "mlp",
        "--hidden",
        "16",
        "--engine",
        "replicated",
        "--epochs",
        "10",
    ),
    "neuron-override": NETWORK,
    "targeted-override": NETWORK,
}
"""The options of the job that an attack is run on; all others are run on logistic regression on digits."""
CHECKED = {"leak-by-abort": ("--defence", "recomputed")}
"""What an attack reads an abort of, which is run under a check only."""
AGAINST = {"leak-by-abort": ("recomputed", "everything", "matrices", "loss", "sampled:alpha=0.5")}
"""The defences that an attack is set against, if not those of `turncoat defend`."""
COLOURS = 64
"""A picture's colours: enough for its few hues and their soft edges, in a third of the bytes."""


class Ran(NamedTuple):
    """A command as one may type it, and what it found."""

    command: str
    found: Result | Matrix


def ran(verb: str, *options: str) -> Ran:
    """What a command of turncoat's prints as JSON; what it says on the way goes to standard error."""
    inside = ROOT / "examples" if OWN in options else ROOT
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "turncoat", verb, *options, "--json", "--out", folder]
        done = subprocess.run(line, cwd=inside, stdout=subprocess.PIPE, check=True)
    where = "cd examples && " if OWN in options else ""
    return Ran(f"{where}turncoat {verb} {' '.join(options)}", from_json(done.stdout))


def passive(it: Ran) -> str:
    """The numbers under passive security: a table of the runs, and what they say."""
    result = it.found
    return "\n".join((f"By `{it.command}`:\n", *table(result), "", *said(result)))


def table(result: Result) -> Iterator[str]:
    """Accuracy, success and the goal's further measures, a column for each kind of run."""
    runs = [getattr(result, kind) for kind in words.runs(result)]
    heads = [" ".join(head.split()).lower() for head in words.runs(result).values()]
    yield f"| {words.origin(result)} | {' | '.join(heads)} |"
    yield "|---" * (1 + len(runs)) + "|"
    yield row("test accuracy", (run.accuracy for run in runs))
    yield row(result.success_name, (run.success for run in runs))
    for title, found in words.measures(result).items():
        cells = ("" if one is None else f"{one.mean} ({one.interval})" for one in found)
        yield f"| {title[:1].lower() + title[1:] if title[1:2].islower() else title} | {' | '.join(cells)} |"


def row(title: str, values: Iterator[Measured]) -> str:
    return f"| {title} | {' | '.join(map(interval, values))} |"


def interval(value: Measured) -> str:
    """A share with its interval; what lies below all that is written has none."""
    if 0 < value.high < 1e-4:
        return numbers.percent(value.high)
    return f"{numbers.percent(value.mean)} ({numbers.span(value)})"


def said(result: Result) -> Iterator[str]:
    """How many errors, at which price, whether the goal was reached, and whether a test of accuracy notices."""
    yield f"- {numbers.counted(result.errors, 'tampered product')} a training run, {result.trials} trials."
    yield f"- Test accuracy changes by {accuracy(result)} points ({accuracy_interval(result)})."
    yield f"- A test of accuracy notices it with a probability of {noticed(result)} ({noticed_interval(result)})."
    yield f"- The goal was {'' if result.reached else 'not '}reached."


def defended(it: Ran, name: str) -> str:
    """What each defence leaves of an attack, and what it costs; or why the attack was not run."""
    found = it.found
    works = interval(found.honest.accuracy)
    begin = f"By `{it.command}`; the honest model is right on {works} of the test records:\n"
    if name in found.refused:
        return f"{begin}\nNot run: {found.refused[name]}."
    (one,) = found.rows
    aborted = "A run that is aborted releases no model, and counts as no success."
    return "\n".join((begin, *under(found, one), "", aborted))


def under(found: Matrix, one: Row) -> Iterator[str]:
    """A row for each defence: its price, and what it leaves of the attack, as planned and planned again."""
    knows = bool(one.adaptive or one.closed)
    heads = ["defence", "bytes x passive", "run is aborted", one.success_name]
    yield line(*heads, *["planned again, knowing the defence"] * knows)
    yield line(*["---"] * (len(heads) + knows))
    yield line("no errors", "", "", interval(one.honest), *[""] * knows)
    yield line("none", "1", "0%", interval(one.passive), *[""] * knows)
    for defence in found.defences:
        name = defence.defence
        factor = "" if defence.factor is None else f"{defence.factor:.2f}"
        cell = one.cells.get(name)
        planned = ("", "no way in") if cell is None else (percent(cell.detected), interval(cell.success))
        yield line(f"`{name}`", factor, *planned, *[again(one, name)] * knows)


def line(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" for cell in cells)


def again(one: Row, name: str) -> str:
    """What an attack that was planned in the knowledge of a defence reaches, and how; or that none was found."""
    if name in one.adaptive:
        found = one.adaptive[name]
        return f"{interval(found.success)}, aborted {percent(found.detected)}: {found.how}"
    return "no way in" if name in one.closed else ""


def percent(value: Measured) -> str:
    return numbers.percent(value.mean)


def picture(name: str, result: Result) -> str:
    """The picture of a page, written beside it: every trial; of records that were read, the records too."""
    said = "Each trial, honest and attacked, of the command under [Numbers, passive](#numbers-passive)."
    shown = [save(PAGES, f"{name}.png", attack_image(result), f"{name}: accuracy and success of every trial")]
    if result.gallery is not None:
        read = "originals above, what was read below"
        shown.append(save(PAGES, f"{name}-records.png", gallery_image(result.gallery), read))
        said += (
            " Below: records of digits (scikit-learn's), above, and what the adversary read off the model."
        )
    return "\n\n".join((*shown, said))


def save(folder: Path, file: str, image: bytes, says: str) -> str:
    """The mark of a picture, which is written in few colours beside the pages of a folder."""
    path = folder / "images" / file
    path.parent.mkdir(exist_ok=True)
    Image.open(io.BytesIO(image)).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    return f"![{says}](images/{file})"


def blocks(name: str, *how: str) -> dict[str, str]:
    """The blocks of a page that are measured; `how` are further options of `turncoat defend`."""
    job, trials = JOBS.get(name, ()), str(MORE.get(name, TRIALS))
    shown = ran("attack", name, *job, *CHECKED.get(name, ()), "--trials", trials)
    own, options = (job[:1], job[1:]) if OWN in job else ((), job)
    defences = [word for one in AGAINST.get(name, ()) for word in ("--against", one)]
    against = ran("defend", *own, *options, "--attack", name, *defences, "--trials", trials, *how)
    return {
        "picture": picture(name, shown.found),
        "passive": passive(shown),
        "defended": defended(against, name),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.attack_numbers", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="attacks; all by default")
    parser.add_argument("--no-adaptive", action="store_true", help="as planned without the defences in mind")
    given = parser.parse_args()
    how = ("--no-adaptive",) if given.no_adaptive else ()
    for name in given.names or attacks.CATALOGUE:
        print(name, file=sys.stderr)
        made, path = blocks(name, *how), page(name)
        path.write_text(replaced(path.read_text(), made))


if __name__ == "__main__":
    main()
