"""`turncoat detect`: its numbers, and both kinds of question."""

import json

import pytest

from cli.conftest import turncoat

# options, what the JSON object says
ASKED = [
    (
        "--errors 1500000 --alpha 2e-9",
        {"detected": 0.0029955, "missed": 0.9970045, "alpha_needed": 1.84838e-05},
    ),
    ("--errors 1500000 --alpha 1.85e-5", {"missed": 8.87e-13, "missing": 2.0**-40, "errors_afforded": 2772}),
    ("--errors 2 --alpha 0.01 --soundness 2^-10", {"detected": 0.0199 - 2.0**-10}),
    ("--errors 2 --missing 0.25", {"alpha_needed": 0.5}),
    ("--alpha 0.01 --caught 0.5", {"errors_afforded": 68}),
    ("--alpha 0", {"errors_afforded": None}),
]


@pytest.mark.parametrize(("options", "expected"), ASKED)
def test_what_follows_is_said(folder, options, expected):
    ran = turncoat(folder, "detect", *options.split(), "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    for name, value in expected.items():
        assert found[name] == (value if value is None else pytest.approx(value, rel=2e-3)), name


def test_the_answers_are_readable_and_kept(folder):
    ran = turncoat(folder, "detect", "--errors", "1500000", "--alpha", "2e-9", "--out", "answers")
    assert ran.code == 0, ran.err
    assert "0.0029955" in ran.out and "1.84" in ran.out and max(map(len, ran.out.splitlines())) <= 80
    assert json.loads((folder / "answers" / "detection.json").read_text())["errors"] == 1_500_000
