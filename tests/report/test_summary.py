"""What an audit comes to: its sentence, its threats, and the order of its attacks."""

import pytest

from report import examples
from turncoat.report import summary
from turncoat.report.grouping import best, groups
from turncoat.report.html import audit_html
from turncoat.report.scatter import scatter
from turncoat.results.sentences import points, signed
from turncoat.results.threats import ranked, threats
from turncoat.results.values import Measured

SILENT = examples.noticed(0.1, 0.2)
LOUD = examples.noticed(0.9, 1.0)


def attack(name, harm, reached=True, noticed=SILENT, **changes):
    return examples.result(attack=name, harm=harm, reached=reached, noticed=noticed, **changes)


def said(*results, severity="broken", **changes):
    return summary.in_a_sentence(examples.audit(results=results, severity=severity, unrun=(), **changes))


BACKDOOR, READ = attack("backdoor", "backdoor"), attack("read", "reconstruction", noticed=LOUD)
FAILED = attack("slow", "targeted", reached=False)

SENTENCES = [
    (
        (BACKDOOR,),
        "broken",
        "can plant a backdoor in the model, and testing the finished model's accuracy would",
    ),
    (
        (BACKDOOR, READ),
        "broken",
        "; it can also read training records off the finished model, which such a test may",
    ),
    (
        (READ, FAILED),
        "noticeable",
        "read training records off the finished model; testing the finished model's",
    ),
    (
        (FAILED,),
        "exposed",
        "The one attack tried did not reach its goal, which proves little: a single participant",
    ),
    (
        (FAILED, FAILED),
        "unknown",
        "None of the 2 attacks tried reached its goal, and nothing else was found, which",
    ),
    (
        (),
        "exposed",
        "No attack was run, but a single participant that cheats can change the model by numbers of its",
    ),
    ((FAILED,), "protected", "Every step of this job is checked, and none of the attacks tried worked."),
]


@pytest.mark.parametrize(("results", "severity", "part"), SENTENCES)
def test_the_sentence_says_what_was_found(results, severity, part):
    found = said(*results, severity=severity)
    assert part in found
    assert found.count(".") == 1 and found.endswith(".")
    assert not {"ASR", "site", "additive"} & set(found.split())


def test_what_is_in_doubt_is_not_called_a_failure():
    doubt = attack("doubt", "targeted", reached=False, in_doubt=True)
    found = examples.audit(results=(FAILED, doubt), severity="exposed")
    (threat,) = (t for t in threats(found) if t.harm == "targeted")
    assert threat.worst is doubt and threat.status == "in doubt" and summary.outcome(threat) == "Perhaps"
    assert "reached its goal for certain, though 1 may have done so" in summary.in_a_sentence(found)
    assert "may have reached its goal" in audit_html(found)


def test_a_function_is_not_called_a_model():
    assert "change what this function returns by numbers" in said(severity="exposed", trained=False)


def test_the_worst_attack_stands_first():
    few = attack("few", "backdoor", errors=2)
    none = attack("none", "membership", reached=False, noticed=LOUD)
    results = (none, FAILED, READ, BACKDOOR, few)
    assert [r.attack for r in ranked(results)] == ["few", "backdoor", "read", "slow", "none"]
    assert [r.attack for r in ranked(reversed(results))] == ["few", "backdoor", "read", "slow", "none"]


def test_every_threat_is_told_by_its_worst_attack_and_those_not_run_are_counted():
    audit = examples.audit(results=(BACKDOOR, attack("few", "backdoor", errors=2), FAILED))
    found = {t.harm: t for t in threats(audit)}
    assert list(found) == ["backdoor", "targeted", "fairness", "membership"]
    assert found["backdoor"].worst.attack == "few"
    assert [t.status for t in found.values()] == ["reached", "not reached", "not run", "not run"]
    assert [summary.count(t) for t in found.values()] == [
        "2 of 2 attacks worked", "0 of 1 attack worked", "1 failed", "1 not run",
    ]  # fmt: skip
    assert found["fairness"].success is None


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0, "0.00"), (-0.00001, "0.00"), (0.00001, "0.00"), (-0.0162, "−1.62"), (0.5, "+50.00")],
)
def test_a_difference_that_rounds_to_nothing_has_no_sign(fraction, text):
    assert signed(fraction) == text
    assert points(Measured(mean=fraction, low=fraction, high=fraction, count=2)).startswith(f"{text} points")


def test_attacks_that_would_cover_each_other_share_a_mark():
    drawn = scatter((BACKDOOR, attack("other", "targeted"), examples.reconstruction(), FAILED))
    assert [(m.label, m.reached) for m in drawn.marks] == [("1, 2", True), ("3", True), ("4", False)]
    assert all(0 <= m.x <= 100 and 0 <= m.y <= 100 for m in drawn.marks)
    assert [t.label for t in drawn.up] == ["−80", "−60", "−40", "−20", "0"]
    assert [t.label for t in scatter((BACKDOOR,)).up] == ["−10", "−8", "−6", "−4", "−2", "0"]


def test_sites_side_by_side_that_do_the_same_are_one():
    found = groups(examples.sites())
    assert [len(group) for group in found] == [1] * 7
    assert [best(row) for row in examples.sites()] == [
        "scaled",
        "bent",
        "bent",
        "shift",
        "shift",
        "shift",
        "none",
    ]
