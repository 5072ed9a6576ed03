"""The pages: complete, self-contained, escaped and well-formed."""

import re
from importlib import resources
from typing import get_args

import pytest

from report import examples
from report.parsed import Page
from turncoat.report import curves, figure
from turncoat.report.html import audit_html, reproduction_html, result_html
from turncoat.results.audit import Severity


@pytest.fixture(scope="module")
def audit_page() -> str:
    return audit_html(examples.audit())


def test_an_audit_page_begins_with_the_verdict(audit_page):
    audit, text = examples.audit(), Page(audit_page).text
    order = [
        "Broken: one corrupt party reaches its goal, and a check of accuracy would probably miss it",
        "A single participant that cheats can plant a backdoor in the model",
        audit.verdict,
        "What one party can do",
        "Backdoor Can a party plant a hidden trigger? Yes 1 of 1 attack worked backdoor 99.94% 99.91 to 99.97%",
        audit.reasons[1],
        "What was not run",
        "membership : scores are not opened",
        audit.next_steps[0],
        "What was done",
        "1. Backdoor reached its goal",
        examples.result().command,
        "2. Reconstruct reached its goal",
        "0.0121 to 0.0224",
        examples.reconstruction().command,
        "dense0/grad_weights",
        "How the intervals were made",
        "How to run it again",
        audit.command,
        "Attack success rate (ASR)",
    ]
    place = 0
    for part in order:
        assert part in text[place:], part
        place = text.index(part, place)


def test_an_attack_page_tells_the_whole_run():
    result = examples.result()
    text = Page(result_html(result)).text
    for part in (
        result.goal,
        result.command,
        "83.4 to 84.1%",
        "Table 3a",
        "99.96%",
        "strength 0.03",
        "0.10.2",
    ):
        assert part in text
    for part in ("10 trials", "not needed", "2025-03-14 09:26 UTC", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"):
        assert part in text


@pytest.mark.parametrize("kind", ["audit", "result"])
def test_a_page_fetches_and_runs_nothing(kind, audit_page):
    page = audit_page if kind == "audit" else result_html(examples.result())
    parsed = Page(page)
    inside, pictures = ([link for link in parsed.links if link.startswith(s)] for s in ("#", "data:"))
    assert pictures and len(inside) + len(pictures) == len(parsed.links)
    assert all(link.startswith("data:image/svg+xml;base64,") for link in pictures)
    assert {link[1:] for link in inside} <= set(parsed.ids) and len(parsed.ids) == len(set(parsed.ids))
    assert not parsed.tags & {"script", "link", "iframe", "object", "form"}
    bare = re.sub(r'src="data:[^"]*"', "", page)
    assert "http" not in bare.replace("http-equiv", "")
    assert "default-src 'none'; img-src data:" in bare  # a browser would not fetch or run anything either
    assert "url(" not in bare
    assert "@import" not in bare


def test_what_a_user_wrote_is_escaped():
    evil = "<script>alert('1')</script>"
    result = examples.result(
        attack=evil,
        goal=evil,
        data_label=evil,
        command=evil,
        given={evil: evil},
        threat={evil: evil},
        notes=(evil,),
        success_name=evil,
    )
    row = examples.site(evil, (1,), 1, "forward", {evil: "shift"}, kind=evil, hint=evil)
    audit = examples.audit(
        verdict=evil, reasons=(f"`{evil}`",), results=(result,), surface=(row,), shiftable={evil: (evil,)}
    )
    for page in (result_html(result), audit_html(audit)):
        assert "<script" not in page
        assert evil in Page(page).text


@pytest.mark.parametrize("severity", get_args(Severity))
def test_an_empty_audit(severity):
    audit = examples.audit(
        severity=severity,
        results=(),
        surface=(),
        shiftable={},
        reasons=(),
        next_steps=(),
        versions={},
        command=None,
    )
    text = Page(audit_html(audit)).text
    assert text.count(severity.capitalize()) == 1
    assert "started from Python" in text


def test_a_bare_result_on_stand_in_data():
    result = examples.reconstruction().model_copy(update={"command": None, "given": {}, "threat": {}})
    text = Page(result_html(result)).text
    assert "Purchase-100 (synthetic stand-in)" in text
    assert "do not compare with the paper's" in text
    assert "Paper," not in text


# ---- how it looks -----------------------------------------------------------------------------------------

STYLE = resources.files("turncoat.report").joinpath("templates/style.css").read_text()
TEXT = ("ink", "soft", "link", "honest", "attacked", "poisoned", "broken", "exposed", "unknown", "protected")
TILES = ("shift", "tied", "scaled", "bent")


def luminance(colour):
    """The relative luminance of `#rrggbb` (WCAG 2.2, definition)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def schemes():
    """The colours by name of the light page and of the dark one."""
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return {
        name: dict(re.findall(r"--([\w-]+): (#\w{6})", css))
        for name, css in zip(("light", "dark"), (light, dark), strict=True)
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_tiles_have_the_contrast_of_level_aa(scheme):
    colours = schemes()[scheme]
    for ground in ("paper", "wash"):
        assert all(contrast(colours[name], colours[ground]) >= 4.5 for name in TEXT), ground
    assert all(contrast(colours[name], colours["paper"]) >= 3 for name in TILES)


@pytest.mark.parametrize("colour", [*figure.COLOURS.values(), figure.INK, figure.MUTED])
def test_text_in_figures_has_the_contrast_of_level_aa(colour):
    assert contrast(colour, "#ffffff") >= 4.5


@pytest.mark.parametrize("colour", [*curves.COLOURS, figure.FAINT])
def test_lines_in_figures_have_the_contrast_of_level_aa(colour):
    assert contrast(colour, "#ffffff") >= 3


def test_sites_are_grouped_on_the_page_as_on_the_terminal():
    row = examples.site("Cnn/mul", (8,), 8, "forward", {"w": "bent"})
    many = tuple(row.model_copy(update={"name": f"Cnn/mul#{i}"}) for i in range(2, 400))
    page = Page(audit_html(examples.audit(surface=(row, *many))))
    assert "Cnn/mul to Cnn/mul#399 399 sites, forward" in page.text
    assert page.text.count("bends w") == 1
    assert len(page.titles) == 399  # one tile each, which says its site's name
    assert page.titles[1] == "Cnn/mul#2 (product)\n8 multiplications\nbends w"


def test_a_page_of_the_paper():
    found = examples.reproduction()
    page = Page(reproduction_html(found, {"figure2.png": b"\x89PNG"}))
    order = ["Table 3: backdoors", "Of 2 rows, 1 reach them, 1 were not run.", "ASR 0.99 0.98 0.95 to 1 reached",
             "turncoat attack backdoor", "its file is not here", "One note."]  # fmt: skip
    places = [page.text.index(part) for part in order]
    assert places == sorted(places)
    assert not page.tags & {"script", "link", "iframe"}
