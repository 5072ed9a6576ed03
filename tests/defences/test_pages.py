"""What the pages on defences show works as printed."""

import re
from pathlib import Path

import pytest

from defences.test_defences import SURFACES
from turncoat import defences
from turncoat.cli.command_line import VERBS
from turncoat.defences import Check, Defence, Rule, catalogue
from turncoat.metrics.detection import detected, errors_afforded, share_needed

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_guides_defence_is_one(monkeypatch):
    written, _, row = blocks("adding_a_defence.md", "python")
    names = {"Check": Check, "Defence": Defence, "Rule": Rule, "When": str}
    exec(compile("from __future__ import annotations\n" + written, "guide", "exec"), names)
    monkeypatch.setitem(catalogue.CATALOGUE, "updates", names["updates"])
    ((name, model, expected),) = [eval(row.strip().rstrip(","))]
    policy = defences.get(name).policy(SURFACES[model])
    assert {n for n, check in policy.items() if check.share} == {n for n in policy if expected(n)}
    assert defences.get("updates:alpha=0.5").policy(SURFACES[model])["dense0/grad_weights"] == Check(0.5)


def test_the_python_example_runs_as_printed(capsys):
    (example,) = blocks("defences.md", "python")
    exec(compile(example, "defences.md", "exec"), {})
    aborted, observed, expected = capsys.readouterr().out.split()
    assert float(observed) == int(aborted) / 2 and float(expected) > 0.99


def test_the_list_of_names_is_that_of_the_catalogue():
    text = (DOCS / "defences.md").read_text()
    table = text[text.index("| name | what is checked |") :].split("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(defences.CATALOGUE)
    assert all(catalogue.does(name) for name in defences.CATALOGUE)


def test_the_commands_shown_exist():
    shown = re.findall(r"turncoat (\w+) ", "".join(blocks("defences.md", "")))
    assert shown and set(shown) <= set(VERBS)


def test_the_numbers_of_the_calculator():
    text = (DOCS / "defences.md").read_text()
    assert f"found in {100 * detected(1_500_000, 2e-9):.3f} % of runs" in text
    assert f"{share_needed(1_500_000, 2.0**-40):.6g}" in text
    most = re.search(r"at 1 % are found in at most 5 % of runs .* (\d+) \|", text)[1]
    assert int(most) == errors_afforded(0.01, 0.05)
    assert pytest.approx(0.98, abs=1e-3) == 1 - detected(2, 0.01)
