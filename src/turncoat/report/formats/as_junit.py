"""JUnit XML: a test for each attack, which fails where the attack reached its goal.

Source of the form: the schema of Jenkins' xUnit plugin (`junit-10.xsd`), which most pipelines read.
"""

from __future__ import annotations

from xml.etree import ElementTree as Tree

from turncoat.report import words
from turncoat.report.saved import Saved
from turncoat.results.audit import AuditResult, Unrun
from turncoat.results.result import Result


def render(saved: Saved) -> str:
    """The attacks of an audit, or one attack, as a suite of tests; those that were not run are skipped."""
    found = saved.found
    assert isinstance(found, AuditResult | Result)
    results = found.results if isinstance(found, AuditResult) else (found,)
    unrun = found.unrun if isinstance(found, AuditResult) else ()
    suites = Tree.Element("testsuites", name="turncoat")
    counts = {
        "tests": len(results) + len(unrun),
        "failures": sum(r.reached for r in results),
        "errors": sum(u.failed for u in unrun),
        "skipped": sum(not u.failed for u in unrun),
    }
    told = {"name": words.origin(found), "timestamp": f"{found.created:%Y-%m-%dT%H:%M:%S}"}
    told |= {name: str(count) for name, count in counts.items()} | {"time": f"{found.seconds:.3f}"}
    suite = Tree.SubElement(suites, "testsuite", {name: _text(value) for name, value in told.items()})
    for result in results:
        _tried(suite, result)
    for one in unrun:
        _left_out(suite, one)
    Tree.indent(suites)
    return Tree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _tried(suite: Tree.Element, result: Result) -> None:
    case = _case(suite, result.attack, result.harm, result.seconds)
    said = _text(words.headline(result))
    if result.reached:
        failure = Tree.SubElement(case, "failure", message=said, type=result.harm or "goal")
        failure.text = _text(" ".join([words.purpose(result), said, *words.judgement(result)]))
    else:
        Tree.SubElement(case, "system-out").text = said


def _left_out(suite: Tree.Element, one: Unrun) -> None:
    case = _case(suite, one.attack, one.harm, 0.0)
    Tree.SubElement(case, "error" if one.failed else "skipped", message=_text(one.why))


def _case(suite: Tree.Element, attack: str, harm: str, seconds: float) -> Tree.Element:
    name, group = _text(attack), f"turncoat.{harm or 'other'}"
    return Tree.SubElement(suite, "testcase", name=name, classname=group, time=f"{seconds:.3f}")


def _text(text: str) -> str:
    """Text without what XML 1.0 cannot hold (section 2.2)."""
    return "".join(c if c in "\t\n\r" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe" or c > "\uffff" else " "
                   for c in text)  # fmt: skip
