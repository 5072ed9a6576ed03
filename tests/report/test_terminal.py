"""Terminal tables: what stands in them, and that they fit 80 columns."""

import io
from typing import get_args

import pytest
from rich.console import Console

from report import examples
from turncoat.report.terminal import attack_table, audit_table, surface_table
from turncoat.results.audit import Severity


def shown(renderable, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def flat(renderable, width: int = 80) -> str:
    return " ".join(shown(renderable, width).split())


def test_an_attack_stands_beside_the_honest_run_and_the_paper():
    text = flat(attack_table(examples.result()))
    for part in ("Honest", "Attacked", "Paper", "99.94%", "99.91 to 99.97%", "0.44%", "84.0%", "99.96%"):
        assert part in text
    for part in (
        "10 trials",
        "2,000 tampered products",
        "42 s",
        "crypten",
        "Fashion-MNIST",
        "95% confidence",
    ):
        assert part in text


def test_an_attack_without_published_numbers():
    text = flat(attack_table(examples.reconstruction()))
    assert "Paper" not in text
    assert "(synthetic stand-in)" in text
    assert "do not compare with the paper's" in text
    assert "0.0172 0.0121 to 0.0224" in text


def test_an_audit_begins_with_its_verdict():
    audit = examples.audit()
    text = flat(audit_table(audit), 200)
    order = [
        "BROKEN",
        audit.verdict,
        audit.reasons[0],
        "Attacks that were tried",
        "0.44% → 99.94%",
        "What was not run",
        "membership: scores are not opened.",
        "dense0/grad_weights",
        "shift, each alone and at will: w0, w1.",
        "cannot shift alone: b0, b1.",
        "Confirm with real parties: turncoat confirm backdoor --engine mpyc",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


@pytest.mark.parametrize("severity", get_args(Severity))
def test_an_audit_may_be_empty(severity):
    audit = examples.audit(
        severity=severity, results=(), surface=(), shiftable={}, reasons=(), next_steps=(), versions={}
    )
    text = flat(audit_table(audit))
    assert severity.upper() in text
    assert "Attacks" not in text


def test_a_surface_names_every_site_and_hint():
    text = flat(surface_table(examples.sites()))
    for row in examples.sites():
        assert row.name in text
    assert "dense0/grad_weights 7,840,000 shifts w0 product, 784 × 100, backward" in text
    assert text.count("Hint: The gradient of jnp.max") == 1
    assert "shift, each alone" not in text


def test_names_are_no_markup():
    row = examples.site("loss/[bold]/[/red]max", (), 1, "forward", {"w[0]": "shift"})
    text = shown(surface_table([row]))
    assert "loss/[bold]/[/red]max" in text
    assert "shifts w[0]" in text
    assert "[b]goal[/b]" in shown(attack_table(examples.result(goal="[b]goal[/b]")))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider_than_the_terminal(width):
    renderables = (audit_table(examples.audit()), attack_table(examples.result()))
    for renderable in renderables:
        assert all(len(line) <= width for line in shown(renderable, width).splitlines())


def test_an_80_column_terminal_cuts_no_number():
    assert "…" not in shown(audit_table(examples.audit()))
    assert "…" not in shown(attack_table(examples.result()))
